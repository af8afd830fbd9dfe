import { RULES_LEVEL } from '@starling/contracts/log';
import { systemClock } from '@starling/platform/clock';
import { ConfigError } from '@starling/platform/config';
import { appendRulesRaised } from '@starling/platform/log';
import { openKafkaLog } from '@starling/platform/log/kafka';
import { asAdministrator, noteRulesLevel, requireKnownRules, selectEpoch } from '@starling/platform/log/postgres';
import type { Logger } from '@starling/platform/telemetry';
import { checkData, describeMigrations } from '../prepare-data.ts';
import { DATABASE_SETTINGS, type JobConfig, readBrokers, readDatabase } from './job-config.ts';
import type { JobDone } from './run-job.ts';

const LOCK_MS = 60_000;

/**
 * Puts the newest rules of this version into force, once every reader is of this version: says so in every partition,
 * then takes it down. Killed in between, it is to be done again; where they are in force, nothing happens.
 */
export async function raiseRulesLevel(config: JobConfig, logger: Logger, level: number = RULES_LEVEL): Promise<JobDone> {
  const [database, brokers] = [await readDatabase(config.database), await readBrokers(config.kafka, { logger })];
  await checkData({ database, brokers }, DATABASE_SETTINGS);
  return asAdministrator(database, { lockMs: LOCK_MS }, async (client) => {
    const inForce = await requireKnownRules(client, level);
    const held = await selectEpoch(client);
    if (held?.epoch !== config.epoch)
      throw new ConfigError(`epoch ${config.epoch} is not the one in force (${held?.epoch ?? 'none'}): prepare the data first`);
    if (inForce < level) {
      const log = await openKafkaLog({ ...brokers, ...held, clock: systemClock });
      try {
        await appendRulesRaised(log, level);
      } finally {
        await log.close();
      }
      await noteRulesLevel(client, level);
      logger.info({ level }, 'the log follows newer rules from here on');
    }
    return { result: 'done', rulesLevel: Math.max(inForce, level), epoch: held.epoch, migrations: await describeMigrations() };
  });
}
