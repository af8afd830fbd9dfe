import { runService } from '@starling/platform/process';
import { createIdentity } from './app.ts';
import { IdentityProcessConfig, readSecret } from './config.ts';

await runService({
  name: 'identity',
  config: IdentityProcessConfig,
  create: async (config, platform) => createIdentity(await readSecret(config), platform),
});
