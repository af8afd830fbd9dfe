import type { Topic } from '@starling/contracts/log';
import type pg from 'pg';
import type { MigrationSet } from '../db/index.ts';
import type { EventLog, LogRecord } from '../log/index.ts';

export const PROJECTION_MIGRATIONS: MigrationSet = { name: 'projection', directory: new URL('./migrations', import.meta.url) };

export interface ProjectionRow {
  nextOffset: number;
  lastId: string | null;
}

/** The row of a partition; made, at offset 0, when it is absent. */
export async function ensureRow(pool: pg.Pool, topic: Topic, partition: number): Promise<ProjectionRow> {
  await pool.query('INSERT INTO projection (topic, partition) VALUES ($1, $2) ON CONFLICT DO NOTHING', [topic, partition]);
  const { rows } = await pool.query<{ next_offset: number; last_id: string | null }>(
    'SELECT next_offset, last_id FROM projection WHERE topic = $1 AND partition = $2',
    [topic, partition],
  );
  const row = rows[0];
  if (!row) throw new Error(`no projection row of partition ${partition} of ${topic}`);
  return { nextOffset: row.next_offset, lastId: row.last_id };
}

/** Moves the row on from `expected`; false when another process has moved it. */
export async function advanceRow(
  tx: pg.PoolClient,
  topic: Topic,
  partition: number,
  expected: number,
  next: ProjectionRow,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'UPDATE projection SET next_offset = $4, last_id = $5 WHERE topic = $1 AND partition = $2 AND next_offset = $3',
    [topic, partition, expected, next.nextOffset, next.lastId],
  );
  return rowCount === 1;
}

/** The next offset of every partition of a topic, as one transaction or connection sees it. */
export async function selectNextOffsets(db: pg.Pool | pg.PoolClient, topic: Topic, count: number): Promise<number[]> {
  const { rows } = await db.query<{ partition: number; next_offset: number }>(
    'SELECT partition, next_offset FROM projection WHERE topic = $1',
    [topic],
  );
  const offsets = new Array<number>(count).fill(0);
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

export async function insertFailed(tx: pg.PoolClient, record: LogRecord, error: Error): Promise<void> {
  await tx.query(
    `INSERT INTO failed_record (topic, partition, "offset", key, headers, value, at, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
    [
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
    'SELECT topic, partition, next_offset FROM projection ORDER BY topic, partition',
  );
  for (const { topic, partition, next_offset: next } of rows) {
    const [low, end] = [(await log.lowOffsets(topic))[partition], (await log.endOffsets(topic))[partition]];
    if (low === undefined || end === undefined) return `the log has no partition ${partition} of ${topic}`;
    if (next < low || next > end)
      return `partition ${partition} of ${topic} was projected to offset ${next}, and the log holds ${low} to ${end}`;
  }
  return undefined;
}
