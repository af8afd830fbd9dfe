import { expand } from './jobs/expand.ts';
import { runJob } from './jobs/run-job.ts';

await runJob('expand', (config, logger) => expand(config, logger));
