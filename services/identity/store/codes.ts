import { randomUUID } from 'node:crypto';
import type { Clock } from '@starling/platform/clock';
import type pg from 'pg';
import { deriveCode, isCodeOf } from '../domain/codes.ts';
import { deriveKey } from '../domain/keys.ts';
import { refuse } from '../rpc/refuse.ts';

const LIFE_MS = 10 * 60_000;
const TRIES = 5;

type CodePurpose = 'registration' | 'email-change';

/** What a code confirms: a registration, or a change of email, by its id. */
export interface Confirmable {
  purpose: CodePurpose;
  subject: string;
}

/** `expiresAt`: ms. */
export interface IssuedCode {
  id: string;
  code: string;
  expiresAt: number;
}

/** One-time codes of six digits. They are stored nowhere; their rows count the tries. */
export interface Codes {
  /** A new code; the one before is void. It is for whoever reads the mail of `email`. */
  issue(tx: pg.PoolClient, what: Confirmable & { email: string }): Promise<IssuedCode>;
  /**
   * Counts a try and returns the id of the code, if it is right. Throws refuse('wrong-code' | 'code-expired'). However
   * many try at once, five do.
   */
  check(what: Confirmable, code: string): Promise<string>;
  /** Uses up a code that was right. Throws refuse('code-expired') when somebody did before. */
  use(tx: pg.PoolClient, id: string): Promise<void>;
  /** What there is to mail of a code; undefined when it is void by now. */
  read(id: string): Promise<{ code: string; email: string; purpose: CodePurpose; subject: string } | undefined>;
  sweep(): Promise<void>;
}

export function createCodes(options: { db: pg.Pool; clock: Clock; secret: string }): Codes {
  const { db, clock } = options;
  const key = deriveKey(options.secret, 'one-time codes');
  const now = () => new Date(clock.now());

  return {
    async issue(tx, { purpose, subject, email }) {
      const id = randomUUID();
      const expiresAt = clock.now() + LIFE_MS;
      await tx.query(
        `INSERT INTO code (id, purpose, subject, email, expires_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (subject) DO UPDATE SET id = $1, tries = 0, expires_at = $5`,
        [id, purpose, subject, email, new Date(expiresAt)],
      );
      return { id, code: deriveCode(key, id), expiresAt };
    },

    async check({ purpose, subject }, code) {
      // The row is locked from the look at its tries to the count: no two take the same one.
      const { rows } = await db.query<{ id: string }>(
        'UPDATE code SET tries = tries + 1 WHERE purpose = $1 AND subject = $2 AND tries < $3 AND expires_at > $4 RETURNING id',
        [purpose, subject, TRIES, now()],
      );
      const [row] = rows;
      if (!row) throw refuse('code-expired');
      if (!isCodeOf(key, row.id, code)) throw refuse('wrong-code');
      return row.id;
    },

    async use(tx, id) {
      const { rowCount } = await tx.query('DELETE FROM code WHERE id = $1', [id]);
      if (rowCount !== 1) throw refuse('code-expired');
    },

    async read(id) {
      const { rows } = await db.query<{ email: string; purpose: CodePurpose; subject: string }>(
        'SELECT email, purpose, subject FROM code WHERE id = $1 AND expires_at > $2',
        [id, now()],
      );
      return rows[0] && { ...rows[0], code: deriveCode(key, id) };
    },

    async sweep() {
      await db.query('DELETE FROM code WHERE expires_at < $1', [now()]);
    },
  };
}
