import { raiseRulesLevel } from './jobs/raise-rules-level.ts';
import { runJob } from './jobs/run-job.ts';

await runJob('rules-level', (config, logger) => raiseRulesLevel(config, logger));
