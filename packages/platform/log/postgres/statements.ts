import { type CursorTopic, countPartitions, type Headers, TOPICS, type Topic } from '@starling/contracts/log';
import type pg from 'pg';
import type { MigrationSet } from '../../db/index.ts';
import type { LogRecord, NewRecord } from '../event-log.ts';

export const LOG_MIGRATIONS: MigrationSet = { name: 'log', directory: new URL('./migrations', import.meta.url) };

type Queryable = pg.Pool | pg.PoolClient | pg.Client;

/**
 * Appends in one statement. The update of the head takes its row lock, which is held to commit: commit order is offset
 * order, and there is no gap. Within a larger transaction it must come last, partitions ascending.
 */
export async function insertRecords(db: Queryable, topic: Topic, partition: number, records: NewRecord[], at: number): Promise<number> {
  const { rows } = await db.query<{ first: number }>({
    name: 'log-append',
    text: `WITH head AS (
             UPDATE log_head SET next = next + $3 WHERE topic = $1 AND partition = $2 RETURNING next - $3 AS first
           ), inserted AS (
             INSERT INTO log_record (topic, partition, "offset", key, headers, value, at)
             SELECT $1, $2, head.first + r.ordinality - 1, r.key, r.headers, r.value, $4
             FROM head, unnest($5::text[], $6::jsonb[], $7::bytea[]) WITH ORDINALITY AS r (key, headers, value)
           )
           SELECT first FROM head`,
    values: [
      topic,
      partition,
      records.length,
      at,
      records.map((record) => record.key),
      records.map((record) => JSON.stringify(record.headers)),
      records.map((record) => record.value),
    ],
  });
  const first = rows[0]?.first;
  if (first === undefined) throw new Error(`the log has no partition ${partition} of ${topic}`);
  return first;
}

export async function selectRecords(db: Queryable, topic: Topic, partition: number, from: number, limit: number): Promise<LogRecord[]> {
  const { rows } = await db.query<{ offset: number; key: string; headers: Headers; value: Buffer; at: number }>({
    name: 'log-read',
    text: `SELECT "offset", key, headers, value, at FROM log_record
           WHERE topic = $1 AND partition = $2 AND "offset" >= $3 ORDER BY "offset" LIMIT $4`,
    values: [topic, partition, from, limit],
  });
  return rows.map((row) => ({ topic, partition, ...row }));
}

/** Per partition that has one, the offset of the first record of at or after `at` (ms). */
export async function selectFirstOffsets(db: Queryable, topic: Topic, at: number): Promise<Map<number, number>> {
  const { rows } = await db.query<{ partition: number; first: number }>({
    name: 'log-first-offsets',
    text: `SELECT partition, min("offset") AS first FROM log_record WHERE topic = $1 AND at >= $2 GROUP BY partition`,
    values: [topic, Math.floor(at)],
  });
  return new Map(rows.map(({ partition, first }) => [partition, first]));
}

export interface Head {
  topic: Topic;
  partition: number;
  low: number;
  next: number;
}

export async function selectHeads(db: Queryable): Promise<Head[]> {
  const { rows } = await db.query<Head>({ name: 'log-heads', text: 'SELECT topic, partition, low, next FROM log_head' });
  return rows;
}

/** Removes records older than `before` (ms), a bounded number at a time; returns how many. */
export async function deleteRecordsBefore(db: Queryable, topic: Topic, before: number, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `WITH doomed AS (
       DELETE FROM log_record WHERE (topic, partition, "offset") IN (
         SELECT r.topic, r.partition, r."offset" FROM log_head h
         CROSS JOIN LATERAL (
           SELECT topic, partition, "offset", at FROM log_record
           WHERE topic = h.topic AND partition = h.partition ORDER BY "offset" LIMIT $3
         ) r
         WHERE h.topic = $1 AND r.at < $2
       ) RETURNING partition, "offset"
     ), newest AS (SELECT partition, max("offset") AS "offset" FROM doomed GROUP BY partition),
     moved AS (
       UPDATE log_head h SET low = newest."offset" + 1 FROM newest WHERE h.topic = $1 AND h.partition = newest.partition
     )
     SELECT FROM doomed`,
    [topic, before, limit],
  );
  return rowCount ?? 0;
}

/**
 * Makes epoch 1 with these partition counts where there is no log yet, and returns what is in force. Partition counts
 * of an existing log never change: keys would move.
 */
export async function ensureEpoch(
  db: Queryable,
  partitions: Record<CursorTopic, number>,
): Promise<{ epoch: number; partitions: Record<CursorTopic, number> }> {
  await db.query('INSERT INTO log_epoch SELECT 1, $1 WHERE NOT EXISTS (SELECT FROM log_epoch)', [JSON.stringify(partitions)]);
  const { rows } = await db.query<{ epoch: number; partitions: Record<CursorTopic, number> }>(
    'SELECT epoch, partitions FROM log_epoch ORDER BY epoch DESC LIMIT 1',
  );
  const current = rows[0];
  if (!current) throw new Error('the log has no epoch');
  const counts = countPartitions(current.partitions);
  for (const topic of TOPICS) {
    await db.query('INSERT INTO log_head (topic, partition) SELECT $1, generate_series(0, $2::int - 1) ON CONFLICT DO NOTHING', [
      topic,
      counts[topic],
    ]);
  }
  return current;
}
