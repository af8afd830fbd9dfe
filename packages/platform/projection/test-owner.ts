import { randomUUID } from 'node:crypto';
import { encodeFactHeaders, encodePostHeaders, type PostHeaders, partitionOf } from '@starling/contracts/log';
import { FakeClock } from '@starling/testing/clock';
import { createTestDatabase } from '@starling/testing/database';
import pg from 'pg';
import { createPool, migrate } from '../db/index.ts';
import type { EventLog, NewRecord } from '../log/index.ts';
import { LOG_MIGRATIONS, openPostgresLog } from '../log/postgres/index.ts';
import { type Fact, OUTBOX_MIGRATIONS, OutboxRelay } from '../outbox/index.ts';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { type CountedRecord, Projection, type ProjectionOptions } from './projection.ts';
import { PROJECTION_MIGRATIONS } from './store.ts';

export const PARTITIONS = { conversations: 2, receipts: 1, users: 1 };

/** A real log, and a schema of an owner of facts: an outbox, a projection, and the table `applied` that it writes. */
export type TestOwner = Awaited<ReturnType<typeof openTestOwner>>;

export async function openTestOwner() {
  const database = await createTestDatabase();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const log = createTestLogger('debug');
  const urls = {
    log: await migrate({ adminUrl: database.url, schema: 'log', secret: 'test', sets: [LOG_MIGRATIONS] }),
    owner: await migrate({ adminUrl: database.url, schema: 'owner', secret: 'test', sets: [OUTBOX_MIGRATIONS, PROJECTION_MIGRATIONS] }),
  };
  await admin.query('CREATE TABLE owner.applied ("offset" int8, partition int, id text, kind text)');
  const pools: pg.Pool[] = [];
  const running: { stop(): Promise<void> }[] = [];
  const logs: EventLog[] = [];
  const openPool = (schema: keyof typeof urls): pg.Pool => {
    const pool = createPool({ url: urls[schema], logger: log.logger, applicationName: `test ${schema}` });
    pools.push(pool);
    return pool;
  };
  const openLog = async (): Promise<EventLog> => {
    const opened = await openPostgresLog({ pool: openPool('log'), clock: new FakeClock(), logger: log.logger, partitions: PARTITIONS });
    logs.push(opened);
    return opened;
  };
  const events = await openLog();
  const pool = openPool('owner');

  return {
    admin,
    log,
    events,
    pool,
    openPool,
    openLog,
    startRelay(options: { log?: EventLog; pool?: pg.Pool } = {}): OutboxRelay {
      const relay = new OutboxRelay({ pool: options.pool ?? pool, log: options.log ?? events, topic: 'conversations', logger: log.logger });
      relay.start();
      running.push(relay);
      return relay;
    },
    startProjection(options: Partial<ProjectionOptions> = {}): Projection {
      const projection = new Projection({
        pool,
        log: events,
        topic: 'conversations',
        group: 'test',
        logger: log.logger,
        apply: insertApplied,
        ...options,
      });
      projection.start();
      running.push(projection);
      return projection;
    },
    async applied(): Promise<string[]> {
      return (await admin.query<{ id: string }>('SELECT id FROM owner.applied ORDER BY partition, "offset"')).rows.map((row) => row.id);
    },
    async outbox(): Promise<{ id: string; position: number | null; sent: boolean }[]> {
      const { rows } = await admin.query(
        'SELECT id, position::float8 AS position, sent_at IS NOT NULL AS sent FROM owner.outbox ORDER BY key, rev',
      );
      return rows;
    },
    async projectionRow(partition: number): Promise<{ next: number; id: string | null } | undefined> {
      const { rows } = await admin.query('SELECT next_offset::int AS next, last_id AS id FROM owner.projection WHERE partition = $1', [
        partition,
      ]);
      return rows[0];
    },
    async close() {
      await Promise.all(running.map((started) => started.stop()));
      await Promise.all(logs.map((opened) => opened.close()));
      await Promise.all(pools.map((opened) => opened.end()));
      await admin.query('DROP OWNED BY CURRENT_USER CASCADE').catch(() => {});
      const { rows } = await admin.query<{ name: string }>(
        'SELECT rolname AS name FROM pg_roles WHERE starts_with(rolname, current_database() || $1)',
        ['_'],
      );
      for (const { name } of rows) await admin.query(`DROP OWNED BY ${pg.escapeIdentifier(name)}; DROP ROLE ${pg.escapeIdentifier(name)}`);
      await admin.end();
      await database.drop();
    },
  };
}

/** What the test's projection does with a record. */
export async function insertApplied(tx: pg.PoolClient, records: CountedRecord[]): Promise<void> {
  for (const { offset, partition, parsed } of records) {
    await tx.query('INSERT INTO applied VALUES ($1, $2, $3, $4)', [offset, partition, parsed.id, parsed.kind]);
  }
}

/** A key of this partition. */
export function keyIn(partition: number): string {
  for (;;) {
    const key = randomUUID();
    if (partitionOf(key, PARTITIONS.conversations) === partition) return key;
  }
}

export function createFact(key: string, rev: number): Fact<'conversation.updated'> {
  return {
    id: randomUUID(),
    key,
    rev,
    kind: 'conversation.updated',
    value: { conversation: { id: key, kind: 'group', name: `of rev ${rev}`, rev } },
  };
}

export function factRecord(key: string, id: string = randomUUID(), headers: Record<string, string> = {}): NewRecord {
  return { key, headers: { ...encodeFactHeaders({ id, kind: 'conversation.updated' }), ...headers }, value: Buffer.from('{}') };
}

export function postRecord(key: string, post: Partial<PostHeaders> & { asOf: number }): NewRecord {
  const headers = encodePostHeaders({ id: randomUUID(), author: 'ann', client: 'c1', slow: false, attempt: 'pod.1', ...post });
  return { key, headers, value: Buffer.from('{"body":"hi"}') };
}
