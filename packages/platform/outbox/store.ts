import type { EventKind, EventValue } from '@starling/contracts/events';
import { encodeFactHeaders, type Headers } from '@starling/contracts/log';
import { isUuid } from '@starling/contracts/schema';
import pg from 'pg';
import type { MigrationSet } from '../db/index.ts';
import { recordTraceHeaders } from '../telemetry/index.ts';

export const OUTBOX_MIGRATIONS: MigrationSet = { name: 'outbox', directory: new URL('./migrations', import.meta.url) };

/** A fact that a command has decided: the full resulting state of one entity. */
export interface Fact<K extends EventKind = EventKind> {
  id: string;
  /** The key in the log: conversation or user. */
  key: string;
  rev: number;
  kind: K;
  value: EventValue<K>;
  /** Of participant facts. */
  user?: string;
  /** It changes who may post. */
  posting?: boolean;
}

/** Writes facts into the outbox, in the transaction of the change that they state. */
export async function insertFacts(tx: pg.PoolClient, facts: Fact[]): Promise<void> {
  const trace = recordTraceHeaders();
  const headers = facts.map((fact): Headers => ({ ...encodeFactHeaders(fact), ...trace }));
  await tx.query(
    `INSERT INTO outbox (id, key, rev, headers, value)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::int8[], $4::jsonb[], $5::bytea[])`,
    [
      facts.map((fact) => fact.id),
      facts.map((fact) => fact.key),
      facts.map((fact) => fact.rev),
      headers.map((entry) => JSON.stringify(entry)),
      facts.map((fact) => Buffer.from(JSON.stringify(fact.value))),
    ],
  );
}

export interface OutboxRow {
  id: string;
  key: string;
  headers: Headers;
  value: Buffer;
}

/**
 * Rows whose place in the log is not known, in the order in which they must be sent. One that was sent is sent again
 * only after 10 s: its append may have failed, or its reader be slow.
 */
export async function selectUnsent(client: pg.ClientBase, limit: number): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>(
    `SELECT id, key, headers, value FROM outbox
     WHERE position IS NULL AND (sent_at IS NULL OR sent_at < now() - interval '10 seconds')
     ORDER BY key, rev LIMIT $1`,
    [limit],
  );
  return rows;
}

export async function markSent(client: pg.ClientBase, ids: string[]): Promise<void> {
  await client.query('UPDATE outbox SET sent_at = now() WHERE id = ANY($1)', [ids]);
}

/** Records that these events were read back from the log, in the transaction that applies them. Returns those that are of this outbox. */
export async function settleRows(tx: pg.PoolClient, events: { id: string; position: number }[]): Promise<string[]> {
  // A record whose id is no UUID is nobody's row, and must not keep the others from being settled.
  const own = events.filter((event) => isUuid(event.id));
  if (own.length === 0) return [];
  const { rows } = await tx.query<{ id: string }>(
    `UPDATE outbox SET position = e.position, settled_at = now()
     FROM unnest($1::uuid[], $2::int8[]) AS e (id, position)
     WHERE outbox.id = e.id AND outbox.position IS NULL RETURNING outbox.id`,
    [own.map((event) => event.id), own.map((event) => event.position)],
  );
  return rows.map((row) => row.id);
}

export async function deleteSettled(client: pg.ClientBase): Promise<void> {
  await client.query(`DELETE FROM outbox WHERE position IS NOT NULL AND settled_at < now() - interval '10 minutes'`);
}

export async function selectPosition(pool: pg.Pool, id: string): Promise<number | undefined> {
  const { rows } = await pool.query<{ position: number | null }>('SELECT position FROM outbox WHERE id = $1', [id]);
  return rows[0]?.position ?? undefined;
}

/**
 * Has all that a schema's outbox still holds sent again, and settled by positions from `since` on: by an administrator's
 * connection, when a log is lost and another begins. Readers ignore what they have read already. A schema without an
 * outbox has nothing to send.
 */
export async function reopenRows(client: pg.ClientBase, schema: string, since: number): Promise<void> {
  const table = `${pg.escapeIdentifier(schema)}.outbox`;
  const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
  if (!rows[0]?.there) return;
  await client.query(`UPDATE ${table} SET position = NULL, settled_at = NULL, sent_at = NULL WHERE position < $1`, [since]);
}
