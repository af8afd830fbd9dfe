import { runService } from '@starling/platform/process';
import { createUser } from './app.ts';
import { UserConfig } from './config.ts';

await runService({ name: 'user', config: UserConfig, create: createUser });
