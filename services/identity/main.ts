import { runService } from '@starling/platform/process';
import { createIdentity } from './app.ts';
import { IdentityConfig } from './config.ts';

await runService({ name: 'identity', config: IdentityConfig, create: createIdentity });
