import { createPool, type DatabaseAccess } from '@starling/platform/db';
import type { EventLog } from '@starling/platform/log';
import { LogTopicsError } from '@starling/platform/log/kafka';
import { findForeign } from '@starling/platform/projection';
import type { Logger } from '@starling/platform/telemetry';

/**
 * Throws a LogTopicsError when what a service has projected does not come from this log, as after its topics were made
 * anew: the service would start, and project nothing.
 */
export async function checkLogOf(service: string, options: { log: EventLog; database: DatabaseAccess; logger: Logger }): Promise<void> {
  const { log, database, logger } = options;
  const pool = createPool({ ...database, logger, max: 1, applicationName: 'starling set-up' });
  try {
    const foreign = await findForeign(pool, log);
    if (foreign !== undefined)
      throw new LogTopicsError(`the data of ${service} is not of the brokers' topics (${foreign}): restore both, or empty both`);
  } finally {
    await pool.end();
  }
}
