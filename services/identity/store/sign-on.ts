import { createHash } from 'node:crypto';
import type { Clock } from '@starling/platform/clock';
import type pg from 'pg';

/** An account at a provider, which never gives its subject to another. */
export interface Subject {
  issuer: string;
  subject: string;
}

/** Which accounts at providers are whose, and which sign-ons have been answered. */
export interface SignOnLinks {
  findUser(subject: Subject): Promise<string | undefined>;
  /** False: it is another user's. */
  link(user: string, subject: Subject): Promise<boolean>;
  /** Uses a sealed flow or link up; false when it was before. That is remembered until it expires (ms) by itself. */
  spend(sealed: Uint8Array, expiresAt: number): Promise<boolean>;
  sweep(): Promise<void>;
}

export function createSignOnLinks(options: { db: pg.Pool; clock: Clock }): SignOnLinks {
  const { db, clock } = options;
  // Better Auth's table: providerId is the issuer, accountId the subject.
  async function findUser({ issuer, subject }: Subject): Promise<string | undefined> {
    const { rows } = await db.query<{ user: string }>(
      'SELECT "userId" AS "user" FROM account WHERE "providerId" = $1 AND "accountId" = $2',
      [issuer, subject],
    );
    return rows[0]?.user;
  }

  return {
    findUser,

    async link(user, { issuer, subject }) {
      await db.query(
        `INSERT INTO account ("userId", "providerId", "accountId") VALUES ($1, $2, $3)
         ON CONFLICT ("providerId", "accountId") DO NOTHING`,
        [user, issuer, subject],
      );
      return (await findUser({ issuer, subject })) === user;
    },

    async spend(sealed, expiresAt) {
      const { rowCount } = await db.query(
        'INSERT INTO spent_sign_on (hash, expires_at) VALUES ($1, to_timestamp($2::float8 / 1000)) ON CONFLICT DO NOTHING',
        [createHash('sha256').update(sealed).digest(), expiresAt],
      );
      return rowCount === 1;
    },

    async sweep() {
      await db.query('DELETE FROM spent_sign_on WHERE expires_at <= to_timestamp($1::float8 / 1000)', [clock.now()]);
    },
  };
}
