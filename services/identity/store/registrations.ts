import { isUuid } from '@starling/contracts/schema';
import type { Clock } from '@starling/platform/clock';
import { transaction } from '@starling/platform/db';
import type pg from 'pg';
import { refuse } from '../rpc/refuse.ts';
import type { Codes, IssuedCode } from './codes.ts';
import type { MailQueue } from './mail-queue.ts';

/** Of a registration whose code is not confirmed, from its last code on. */
const LIFE_MS = 3_600_000;
/** So many wait at most: whoever floods with ever other addresses fills nothing. */
const PENDING_AT_MOST = 10_000;
const RETRY_AFTER_SECONDS = 600;
/** Any number, the same in every process: the first account of all is made by one at a time. */
const FIRST_ACCOUNT_LOCK = 7_303;

/** A registration that waits for its code. `email` is in lower case; `invite` names the invite that came along. */
export interface Registration {
  id: string;
  email: string;
  name: string;
  passwordHash: string;
  invite: string | undefined;
}

/** `id` names what the code confirms. */
export type Asked = IssuedCode & { subject: string };

/** Registrations that wait for their code; only then is there a user. */
export interface Registrations {
  /** Throws refuse('rate-limited') when too many wait. */
  refuseFlood(): Promise<void>;
  /** Takes a registration down, with a code that is to be mailed, in one transaction. */
  begin(registration: Omit<Registration, 'id'>): Promise<Asked>;
  find(id: string): Promise<Registration | undefined>;
  /** A new code; undefined when the registration has ended. */
  renewCode(id: string): Promise<Asked | undefined>;
  /** Ends it: in the transaction that makes the account, or because there is one already. */
  remove(connection: pg.PoolClient | pg.Pool, id: string): Promise<void>;
  /** Whether nobody has an account yet. */
  isFirst(): Promise<boolean>;
  /** The same in the transaction that makes the account; true for one of them only, however many are made at once. */
  isFirstWithin(tx: pg.PoolClient): Promise<boolean>;
  sweep(): Promise<void>;
}

export function createRegistrations(options: { db: pg.Pool; clock: Clock; codes: Codes; queue: MailQueue }): Registrations {
  const { db, clock, codes, queue } = options;
  const now = () => new Date(clock.now());
  const end = () => new Date(clock.now() + LIFE_MS);

  async function ask(tx: pg.PoolClient, subject: string, email: string): Promise<Asked> {
    const issued = await codes.issue(tx, { purpose: 'registration', subject, email });
    await queue.add(tx, { kind: 'code', subject: issued.id, email });
    return { ...issued, subject };
  }

  return {
    async refuseFlood() {
      const { rows } = await db.query<{ pending: number }>(
        'SELECT count(*)::int AS pending FROM (SELECT FROM registration WHERE expires_at > $1 LIMIT $2) AS waiting',
        [now(), PENDING_AT_MOST],
      );
      if ((rows[0]?.pending ?? 0) >= PENDING_AT_MOST) throw refuse('rate-limited', { retryAfter: RETRY_AFTER_SECONDS });
    },

    begin({ email, name, passwordHash, invite }) {
      return transaction(db, async (tx) => {
        const { rows } = await tx.query<{ id: string }>(
          'INSERT INTO registration (email, name, password_hash, invite, expires_at) VALUES ($1, $2, $3, $4, $5) RETURNING id',
          [email, name, passwordHash, invite, end()],
        );
        return ask(tx, (rows[0] as { id: string }).id, email);
      });
    },

    async find(id) {
      if (!isUuid(id)) return undefined;
      const { rows } = await db.query<{ email: string; name: string; hash: string; invite: string | null }>(
        'SELECT email, name, password_hash AS hash, invite FROM registration WHERE id = $1 AND expires_at > $2',
        [id, now()],
      );
      const [row] = rows;
      return row && { id, email: row.email, name: row.name, passwordHash: row.hash, invite: row.invite ?? undefined };
    },

    renewCode(id) {
      return transaction(db, async (tx) => {
        const { rows } = await tx.query<{ email: string }>(
          'UPDATE registration SET expires_at = $3 WHERE id = $1 AND expires_at > $2 RETURNING email',
          [id, now(), end()],
        );
        return rows[0] && ask(tx, id, rows[0].email);
      });
    },

    async remove(connection, id) {
      await connection.query('DELETE FROM registration WHERE id = $1', [id]);
    },

    async isFirst() {
      return hasNobody(db);
    },

    async isFirstWithin(tx) {
      await tx.query('SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))', [FIRST_ACCOUNT_LOCK]);
      return hasNobody(tx);
    },

    async sweep() {
      await db.query('DELETE FROM registration WHERE expires_at < $1', [now()]);
    },
  };
}

async function hasNobody(connection: pg.PoolClient | pg.Pool): Promise<boolean> {
  const { rows } = await connection.query<{ nobody: boolean }>('SELECT NOT EXISTS (SELECT FROM "user") AS nobody');
  return rows[0]?.nobody === true;
}
