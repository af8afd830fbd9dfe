import { systemClock } from '@starling/platform/clock';
import { createPool, migrate } from '@starling/platform/db';
import { LOG_MIGRATIONS, openPostgresLog } from '@starling/platform/log/postgres';
import { createLogger } from '@starling/platform/telemetry';
import { createTestDatabase } from '@starling/testing/database';
import { MIGRATIONS } from '@starling/user/migrations';
import { expect, it, onTestFinished } from 'vitest';
import { checkLogOf } from './check-log.ts';

const logger = createLogger({ service: 'test', level: 'fatal' });

it('takes the log that was projected, and refuses one that was made anew', async () => {
  const database = await createTestDatabase();
  const admin = { adminUrl: database.url, secret: 'test' };
  const logPool = createPool({ url: await migrate({ ...admin, schema: 'log', sets: [LOG_MIGRATIONS] }), logger, applicationName: 'test' });
  const url = await migrate({ ...admin, schema: 'user', sets: MIGRATIONS });
  const pool = createPool({ url, logger, applicationName: 'test' });
  const log = await openPostgresLog({ pool: logPool, clock: systemClock, logger, partitions: { conversations: 1, receipts: 1, users: 2 } });
  onTestFinished(async () => {
    await log.close();
    await Promise.all([pool.end(), logPool.end()]);
    await database.drop();
  });
  const check = () => checkLogOf('user', { log, database: { url }, logger });
  await check();
  await log.append('users', 1, [{ key: 'k', headers: {}, value: Buffer.from('{}') }]);
  await pool.query(`INSERT INTO projection (topic, partition, next_offset) VALUES ('users', 1, 1)`);
  await check();
  await pool.query('UPDATE projection SET next_offset = 2');
  await expect(check()).rejects.toThrow(
    /^the data of user is not of the brokers' topics \(partition 1 of users was projected to offset 2, and the log holds 0 to 1\)/,
  );
});
