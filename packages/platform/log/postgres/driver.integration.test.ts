import { systemClock } from '@starling/platform/clock';
import { FakeClock } from '@starling/testing/clock';
import { createTestDatabase } from '@starling/testing/database';
import { waitFor } from '@starling/testing/wait-for';
import { describe, expect, it } from 'vitest';
import { createPool, migrate } from '../../db/index.ts';
import { createLogger } from '../../telemetry/index.ts';
import { describeEventLog } from '../conformance/suite.ts';
import type { EventLog } from '../event-log.ts';
import { openPostgresLog } from './driver.ts';
import { deleteRecordsBefore, insertRecords, LOG_MIGRATIONS } from './statements.ts';

const logger = createLogger({ service: 'test', level: 'fatal' });
const PARTITIONS = { conversations: 2, receipts: 1, users: 1 };

async function openDatabase() {
  const database = await createTestDatabase();
  const url = await migrate({ adminUrl: database.url, schema: 'log', secret: 'test', sets: [LOG_MIGRATIONS] });
  const pools: ReturnType<typeof createPool>[] = [];
  const logs: EventLog[] = [];
  const openPool = () => {
    const pool = createPool({ url, logger, applicationName: 'test' });
    pools.push(pool);
    return pool;
  };
  return {
    openPool,
    async open(partitions = PARTITIONS, clock = systemClock) {
      const log = await openPostgresLog({ pool: openPool(), clock, logger, partitions });
      logs.push(log);
      return log;
    },
    async close() {
      await Promise.all(logs.map((log) => log.close()));
      await Promise.all(pools.map((pool) => pool.end()));
      await database.drop();
    },
  };
}

describeEventLog('PostgreSQL', async () => {
  const database = await openDatabase();
  return {
    open: () => database.open(),
    async beginSlowAppend(topic, partition, record) {
      const client = await database.openPool().connect();
      await client.query('BEGIN');
      await insertRecords(client, topic, partition, [record], Date.now());
      return {
        async commit() {
          await client.query('COMMIT');
          client.release();
        },
      };
    },
    close: () => database.close(),
  };
});

describe('the log on PostgreSQL', () => {
  it('keeps its partition counts, whatever it is opened with later', async () => {
    const database = await openDatabase();
    await database.open();
    expect((await database.open({ conversations: 9, receipts: 9, users: 9 })).partitions).toEqual({ ...PARTITIONS, ephemeral: 1 });
    await database.close();
  });

  it('gets the topic that an older installation has not got when it is opened again', async () => {
    const database = await openDatabase();
    await (await database.open()).append('users', 0, [{ key: 'k', headers: {}, value: Buffer.from('x') }]);
    await database.openPool().query("DELETE FROM log_head WHERE topic = 'ephemeral'");
    const log = await database.open();
    expect(await log.append('ephemeral', 0, [{ key: 'k', headers: {}, value: Buffer.from('x') }])).toEqual([0]);
    expect(await log.endOffsets('users')).toEqual([1]);
    await database.close();
  });

  it('removes old records from the low end, and tells a tail that wanted them', async () => {
    const database = await openDatabase();
    const clock = new FakeClock(1_000);
    const log = await database.open(PARTITIONS, clock);
    const record = { key: 'k', headers: {}, value: Buffer.from('x') };
    await log.append('conversations', 0, [record, record]);
    clock.advance(1_000);
    await log.append('conversations', 0, [record]);
    expect(await deleteRecordsBefore(database.openPool(), 'conversations', 1_500, 100)).toBe(2);
    expect(await log.lowOffsets('conversations')).toEqual([2, 0]);
    const seen: unknown[] = [];
    const tail = log.tail({
      topic: 'conversations',
      from: [0, 0],
      onRecords: (_, records) => void seen.push(...records.map((entry) => entry.offset)),
      onHole: (_, hole) => {
        seen.push(hole);
        return hole.low;
      },
    });
    await waitFor(() => seen.length === 2);
    expect(seen).toEqual([{ is: 'gone', expected: 0, low: 2, end: 3 }, 2]);
    await tail.stop();
    await database.close();
  });

  it('rejects an append to a partition that it does not have', async () => {
    const database = await openDatabase();
    const log = await database.open();
    await expect(log.append('users', 7, [{ key: 'k', headers: {}, value: Buffer.from('x') }])).rejects.toThrow('no partition 7');
    await database.close();
  });
});
