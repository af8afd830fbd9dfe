import type { Clock } from '@starling/platform/clock';
import { isUniqueViolation } from '@starling/platform/db';
import type pg from 'pg';
import { refuse } from '../rpc/refuse.ts';

/** How long a challenge may be answered, ms. */
export const PASSKEY_CHALLENGE_MS = 5 * 60_000;
/** Of log-ins, which anybody begins: so many wait at most, and each that begins clears away more than it adds. */
const LOG_INS_AT_MOST = 10_000;
const CLEARED_AT_ONCE = 10;
const RETRY_AFTER_SECONDS = 60;

/** A passkey as its owner is shown it. `createdAt` is in ms. */
export interface ShownPasskey {
  id: string;
  name: string;
  createdAt: number;
}

/** What is needed to check an answer. `credential` is the authenticator's name of the passkey, in base64url. */
export interface StoredPasskey {
  id: string;
  user: string;
  credential: string;
  publicKey: Uint8Array<ArrayBuffer>;
  counter: number;
  transports: string[];
}

/** Passkeys, and the challenges that wait for an answer. */
export interface Passkeys {
  /** Keeps a challenge; returns its id. Without a user, it is one of a log-in: throws refuse('rate-limited') when too many wait. */
  keepChallenge(challenge: { challenge: string; origin: string; user?: string }): Promise<string>;
  /** Takes a challenge away, so that it is answered once; undefined when it has ended, or is another user's. */
  takeChallenge(id: string, user?: string): Promise<{ challenge: string; origin: string } | undefined>;
  add(passkey: Omit<StoredPasskey, 'id'> & { name: string }): Promise<ShownPasskey | 'exists'>;
  find(credential: string): Promise<StoredPasskey | undefined>;
  /** Notes a use; false when the authenticator's count did not grow, as of a copy. Of two uses with one count, one is noted. */
  use(id: string, counter: number): Promise<boolean>;
  list(user: string): Promise<ShownPasskey[]>;
  credentialsOf(user: string): Promise<{ id: string; transports: string[] }[]>;
  /** False: it is not there, or not the user's. */
  remove(user: string, id: string): Promise<boolean>;
  /** Removes challenges that have expired. */
  sweep(): Promise<void>;
}

export function createPasskeys(options: { db: pg.Pool; clock: Clock }): Passkeys {
  const { db, clock } = options;
  const shown = 'id, name, (extract(epoch FROM created_at) * 1000)::float8 AS "createdAt"';

  async function refuseFlood(): Promise<void> {
    const { rows } = await db.query<{ waiting: number }>(
      `WITH cleared AS (
         DELETE FROM passkey_challenge WHERE id IN (
           SELECT id FROM passkey_challenge WHERE expires_at <= to_timestamp($1::float8 / 1000) LIMIT $3 FOR UPDATE SKIP LOCKED
         )
       )
       SELECT count(*)::int AS waiting FROM (
         SELECT FROM passkey_challenge WHERE user_id IS NULL AND expires_at > to_timestamp($1::float8 / 1000) LIMIT $2
       ) AS log_ins`,
      [clock.now(), LOG_INS_AT_MOST, CLEARED_AT_ONCE],
    );
    if ((rows[0]?.waiting ?? 0) >= LOG_INS_AT_MOST) throw refuse('rate-limited', { retryAfter: RETRY_AFTER_SECONDS });
  }

  return {
    async keepChallenge({ challenge, origin, user }) {
      if (user === undefined) await refuseFlood();
      const { rows } = await db.query<{ id: string }>(
        `INSERT INTO passkey_challenge (challenge, origin, user_id, expires_at)
         VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000)) RETURNING id`,
        [challenge, origin, user ?? null, clock.now() + PASSKEY_CHALLENGE_MS],
      );
      return rows[0]?.id as string;
    },

    async takeChallenge(id, user) {
      const { rows } = await db.query<{ challenge: string; origin: string }>(
        `DELETE FROM passkey_challenge
         WHERE id = $1 AND user_id IS NOT DISTINCT FROM $2 AND expires_at > to_timestamp($3::float8 / 1000)
         RETURNING challenge, origin`,
        [id, user ?? null, clock.now()],
      );
      return rows[0];
    },

    async add({ user, credential, publicKey, counter, transports, name }) {
      try {
        const { rows } = await db.query<ShownPasskey>(
          `INSERT INTO passkey (user_id, credential, public_key, counter, transports, name, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000)) RETURNING ${shown}`,
          [user, credential, publicKey, counter, transports, name, clock.now()],
        );
        return rows[0] as ShownPasskey;
      } catch (error) {
        if (isUniqueViolation(error, 'passkey_credential_unique')) return 'exists';
        throw error;
      }
    },

    async find(credential) {
      const { rows } = await db.query<StoredPasskey>(
        `SELECT id, user_id AS "user", credential, public_key AS "publicKey", counter, transports FROM passkey WHERE credential = $1`,
        [credential],
      );
      return rows[0];
    },

    async use(id, counter) {
      const { rowCount } = await db.query(
        'UPDATE passkey SET counter = $2 WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2::int8 = 0))',
        [id, counter],
      );
      return rowCount === 1;
    },

    async list(user) {
      const { rows } = await db.query<ShownPasskey>(`SELECT ${shown} FROM passkey WHERE user_id = $1 ORDER BY created_at, id`, [user]);
      return rows;
    },

    async credentialsOf(user) {
      const { rows } = await db.query<{ id: string; transports: string[] }>(
        'SELECT credential AS id, transports FROM passkey WHERE user_id = $1',
        [user],
      );
      return rows;
    },

    async remove(user, id) {
      const { rowCount } = await db.query('DELETE FROM passkey WHERE id = $1 AND user_id = $2', [id, user]);
      return rowCount === 1;
    },

    async sweep() {
      await db.query('DELETE FROM passkey_challenge WHERE expires_at <= to_timestamp($1::float8 / 1000)', [clock.now()]);
    },
  };
}
