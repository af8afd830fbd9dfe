import type { Clock } from '@starling/platform/clock';
import { transaction } from '@starling/platform/db';
import type pg from 'pg';
import { deriveKey } from '../domain/keys.ts';
import { createLinkToken, readLinkToken } from '../domain/link-token.ts';
import { refuse } from '../rpc/refuse.ts';
import type { MailQueue } from './mail-queue.ts';
import type { Sendings } from './sendings.ts';

const LIFE_MS = 30 * 60_000;
const LINKS_A_DAY = 5;
/** The last link is mailed again while it is good, once a minute. */
const MAILS_A_DAY = LINKS_A_DAY + LIFE_MS / 60_000;
const WISHES_AT_ONCE = 200;

/** New passwords for people who have forgotten theirs. The secret of a link is stored nowhere. */
export interface Resets {
  /** Takes a wish down: one and the same statement for any email. Whether there is an account is looked up by `resolve`. */
  wish(email: string): Promise<void>;
  /**
   * Makes links, to be mailed, of wishes so far, where there is an account that may have one. When strangers have used up
   * what it may have in a day, the newest link is mailed again while it is good, so that its owner gets one too.
   */
  resolve(): Promise<void>;
  /** The secret of a link that is good; undefined when it is not any more. */
  linkToken(id: string): Promise<string | undefined>;
  /** Whose link it is. Throws refuse('link-expired'). */
  find(token: string): Promise<{ id: string; user: string }>;
  /** Uses the link up. Throws refuse('link-expired') when somebody did before. */
  use(tx: pg.PoolClient, reset: { id: string }): Promise<void>;
  /** Voids all links of a user. */
  removeOf(tx: pg.PoolClient, user: string): Promise<void>;
  sweep(): Promise<void>;
}

export function createResets(options: { db: pg.Pool; clock: Clock; secret: string; queue: MailQueue; sendings: Sendings }): Resets {
  const { db, clock, queue, sendings } = options;
  const key = deriveKey(options.secret, 'reset links');
  const now = () => new Date(clock.now());

  async function make(tx: pg.PoolClient, user: string): Promise<string | undefined> {
    const { rows } = await tx.query<{ id: string }>(
      'INSERT INTO password_reset (id, user_id, expires_at) VALUES (gen_random_uuid(), $1, $2) RETURNING id',
      [user, new Date(clock.now() + LIFE_MS)],
    );
    return rows[0]?.id;
  }

  async function findNewest(tx: pg.PoolClient, user: string): Promise<string | undefined> {
    const { rows } = await tx.query<{ id: string }>(
      'SELECT id FROM password_reset WHERE user_id = $1 AND expires_at > $2 ORDER BY expires_at DESC LIMIT 1',
      [user, now()],
    );
    return rows[0]?.id;
  }

  return {
    async wish(email) {
      await db.query('INSERT INTO reset_wish (email) VALUES ($1)', [email]);
    },

    async resolve() {
      // Asked every second, and mostly there is none.
      const { rows: any } = await db.query('SELECT FROM reset_wish LIMIT 1');
      if (any.length === 0) return;
      await transaction(db, async (tx) => {
        const { rows: wishes } = await tx.query<{ email: string }>(
          `DELETE FROM reset_wish WHERE id IN (SELECT id FROM reset_wish ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING email`,
          [WISHES_AT_ONCE],
        );
        const { rows: accounts } = await tx.query<{ user: string; email: string }>(
          'SELECT id AS "user", email FROM "user" WHERE email = ANY($1) AND NOT disabled',
          [wishes.map(({ email }) => email)],
        );
        for (const { user, email } of accounts) {
          const sending = await sendings.count(`reset mail ${email}`, MAILS_A_DAY);
          if (!sending.allowed) continue;
          const another = await sendings.count(`reset ${email}`, LINKS_A_DAY);
          const subject = another.allowed ? await make(tx, user) : await findNewest(tx, user);
          if (subject === undefined) await sending.undo();
          else await queue.add(tx, { kind: 'reset', subject, email });
        }
      });
    },

    async linkToken(id) {
      const { rowCount } = await db.query('SELECT FROM password_reset WHERE id = $1 AND expires_at > $2', [id, now()]);
      return rowCount === 1 ? createLinkToken(key, id) : undefined;
    },

    async find(token) {
      const id = readLinkToken(key, token);
      if (id === undefined) throw refuse('link-expired');
      const { rows } = await db.query<{ user: string }>(
        `SELECT user_id AS "user" FROM password_reset JOIN "user" ON "user".id = user_id
         WHERE password_reset.id = $1 AND expires_at > $2 AND NOT disabled`,
        [id, now()],
      );
      const [row] = rows;
      if (!row) throw refuse('link-expired');
      return { id, user: row.user };
    },

    async use(tx, { id }) {
      const { rowCount } = await tx.query('DELETE FROM password_reset WHERE id = $1', [id]);
      if (rowCount !== 1) throw refuse('link-expired');
    },

    async removeOf(tx, user) {
      await tx.query('DELETE FROM password_reset WHERE user_id = $1', [user]);
    },

    async sweep() {
      await db.query('DELETE FROM password_reset WHERE expires_at < $1', [now()]);
    },
  };
}
