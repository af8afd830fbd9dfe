import { readConfiguredFile } from '@starling/platform/config';
import type { Logger } from '@starling/platform/telemetry';
import { checkData, type DataPlan, prepareData } from '../prepare-data.ts';
import { DATABASE_SETTINGS, type JobConfig, readBrokers, readDatabase } from './job-config.ts';
import type { JobDone } from './run-job.ts';

const DAY_MS = 86_400_000;

/** What a program is and knows, where it is another than this one. */
export type OtherProgram = Pick<DataPlan, 'version' | 'knownRules'>;

/** Brings an installation's data to this version, before its services come: see {@link prepareData}. */
export async function expand(config: JobConfig, logger: Logger, program: OtherProgram = {}): Promise<JobDone> {
  const [database, brokers] = [await readDatabase(config.database), await readBrokers(config.kafka, { logger })];
  const secret = await readConfiguredFile('rootSecretFile', config.rootSecretFile);
  await checkData({ database, brokers }, DATABASE_SETTINGS);
  const { epoch, partitions, logExpected, retentionDays } = config;
  const { rulesLevel, migrations } = await prepareData({
    database,
    brokers,
    secret,
    epoch,
    partitions,
    logExpected,
    ownLog: true,
    ...program,
    ...(retentionDays !== undefined && { retention: { conversations: retentionDays * DAY_MS, users: retentionDays * DAY_MS } }),
    logger,
    say: (line) => logger.info(line),
  });
  return { result: 'done', rulesLevel, epoch, migrations };
}
