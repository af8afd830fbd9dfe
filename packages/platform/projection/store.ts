import type { Topic } from '@starling/contracts/log';
import type pg from 'pg';
import type { MigrationSet } from '../db/index.ts';
import type { EventLog, LogRecord } from '../log/index.ts';

export const PROJECTION_MIGRATIONS: MigrationSet = { name: 'projection', directory: new URL('./migrations', import.meta.url) };

export interface ProjectionRow {
  nextOffset: number;
  lastId: string | null;
}

/** One partition of one epoch of the log. */
export interface Place {
  epoch: number;
  topic: Topic;
  partition: number;
}

/** The row of a partition; made, at offset 0, when it is absent. */
export async function ensureRow(pool: pg.Pool, { epoch, topic, partition }: Place): Promise<ProjectionRow> {
  const place = [epoch, topic, partition];
  await pool.query('INSERT INTO projection (epoch, topic, partition) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', place);
  const { rows } = await pool.query<{ next_offset: number; last_id: string | null }>(
    'SELECT next_offset, last_id FROM projection WHERE epoch = $1 AND topic = $2 AND partition = $3',
    place,
  );
  const row = rows[0];
  if (!row) throw new Error(`no projection row of partition ${partition} of ${topic}`);
  return { nextOffset: row.next_offset, lastId: row.last_id };
}

/** Moves the row on from `expected`; false when another process has moved it. */
export async function advanceRow(
  tx: pg.PoolClient,
  { epoch, topic, partition }: Place,
  expected: number,
  next: ProjectionRow,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'UPDATE projection SET next_offset = $5, last_id = $6 WHERE epoch = $1 AND topic = $2 AND partition = $3 AND next_offset = $4',
    [epoch, topic, partition, expected, next.nextOffset, next.lastId],
  );
  return rowCount === 1;
}

/** The next offset of every partition of a topic of this log's epoch, as one transaction or connection sees it. */
export async function selectNextOffsets(db: pg.Pool | pg.PoolClient, log: EventLog, topic: Topic): Promise<number[]> {
  const { rows } = await db.query<{ partition: number; next_offset: number }>(
    'SELECT partition, next_offset FROM projection WHERE epoch = $1 AND topic = $2',
    [log.epoch, topic],
  );
  const offsets = new Array<number>(log.partitions[topic]).fill(0);
  for (const row of rows) offsets[row.partition] = row.next_offset;
  return offsets;
}

/** The id of a record as it can be kept: whoever writes to the log may put into it what PostgreSQL does not take. */
export function storableId({ headers }: LogRecord): string | null {
  const id = headers['id'];
  return id === undefined ? null : storable(id);
}

function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

function storableHeaders({ headers }: LogRecord): string {
  return JSON.stringify(Object.fromEntries(Object.entries(headers).map(([name, value]) => [storable(name), storable(value)])));
}

export async function insertFailed(tx: pg.PoolClient, epoch: number, record: LogRecord, error: Error): Promise<void> {
  await tx.query(
    `INSERT INTO failed_record (epoch, topic, partition, "offset", key, headers, value, at, error)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    [
      epoch,
      record.topic,
      record.partition,
      record.offset,
      storable(record.key),
      storableHeaders(record),
      record.value,
      record.at,
      storable(error.message.slice(0, 500)),
    ],
  );
}

/**
 * What in this schema was projected from another log than this one: its next offset is not in the log. Undefined when
 * all of it fits. That the offsets fit does not prove that it is the same log; the projection itself compares records.
 */
export async function findForeign(pool: pg.Pool, log: EventLog): Promise<string | undefined> {
  const { rows } = await pool.query<{ topic: Topic; partition: number; next_offset: number }>(
    'SELECT topic, partition, next_offset FROM projection WHERE epoch = $1 ORDER BY topic, partition',
    [log.epoch],
  );
  for (const { topic, partition, next_offset: next } of rows) {
    const [low, end] = [(await log.lowOffsets(topic))[partition], (await log.endOffsets(topic))[partition]];
    if (low === undefined || end === undefined) return `the log has no partition ${partition} of ${topic}`;
    if (next < low || next > end)
      return `partition ${partition} of ${topic} was projected to offset ${next}, and the log holds ${low} to ${end}`;
  }
  return undefined;
}

/**
 * Whether one of these schemas has read records of an epoch: its topics were there then. By an administrator's
 * connection, to data of whatever version.
 */
export async function hasProjected(client: pg.ClientBase, schemas: readonly string[], epoch: number): Promise<boolean> {
  for (const schema of schemas) {
    const { rows: columns } = await client.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'projection'`,
      [schema],
    );
    if (columns.length === 0) continue;
    // Earlier versions knew the first epoch alone.
    const knowsEpochs = columns.some(({ name }) => name === 'epoch');
    if (!knowsEpochs && epoch !== 1) continue;
    const { rowCount } = await client.query(
      `SELECT FROM ${client.escapeIdentifier(schema)}.projection WHERE next_offset > 0 ${knowsEpochs ? `AND epoch = ${Number(epoch)}` : ''} LIMIT 1`,
    );
    if (rowCount) return true;
  }
  return false;
}
