import { createHmac } from 'node:crypto';
import type { Clock } from '@starling/platform/clock';
import type pg from 'pg';
import { deriveKey } from '../domain/keys.ts';

const DAY_MS = 86_400_000;
const APART_MS = 60_000;

/** `undo` takes it back: nothing was sent after all. `retryAfter`: seconds. */
export type Sending = { allowed: true; undo(): Promise<void> } | { allowed: false; retryAfter: number };

/**
 * How often something is sent to one address, or for one account: at least a minute apart, and so many times in any 24
 * hours. What is counted is stored under HMACs: it names people who have no account.
 */
export interface Sendings {
  /** Counts one, if it is allowed, in one statement. `key` is an address in lower case, or what stands for an account. */
  count(key: string, atMost: number): Promise<Sending>;
  /** Forgets what was sent more than a day ago. */
  sweep(): Promise<void>;
}

export function createSendings(options: { db: pg.Pool; clock: Clock; secret: string }): Sendings {
  const { db, clock } = options;
  const hashKey = deriveKey(options.secret, 'sending keys');

  return {
    async count(key, atMost) {
      const hash = createHmac('sha256', hashKey).update(key).digest();
      const now = clock.now();
      const at = new Date(now);
      const { rows } = await db.query<{ allowed: boolean; sent: Date[] | null }>(
        `WITH counted AS (
           INSERT INTO sending AS held (key, sent, last) VALUES ($1, ARRAY[$2::timestamptz], $2)
           ON CONFLICT (key) DO UPDATE SET sent = ARRAY(SELECT at FROM unnest(held.sent) AS at WHERE at > $3) || $2::timestamptz, last = $2
           WHERE held.last <= $4 AND (SELECT count(*) FROM unnest(held.sent) AS at WHERE at > $3) < $5
           RETURNING true
         )
         SELECT EXISTS (SELECT FROM counted) AS allowed, (SELECT sent FROM sending WHERE key = $1) AS sent`,
        [hash, at, new Date(now - DAY_MS), new Date(now - APART_MS), atMost],
      );
      if (rows[0]?.allowed) {
        return {
          allowed: true,
          async undo() {
            await db.query(
              `UPDATE sending SET sent = array_remove(sent, $2), last = coalesce((SELECT max(at) FROM unnest(array_remove(sent, $2)) AS at), '-infinity')
               WHERE key = $1`,
              [hash, at],
            );
          },
        };
      }
      // As it was before: someone else may have been first meanwhile, and then the wait is that of a first one.
      const sent = (rows[0]?.sent ?? [at]).map((each) => each.getTime()).filter((each) => each > now - DAY_MS);
      const next = Math.max((sent.at(-1) ?? now) + APART_MS, sent.length >= atMost ? (sent.at(-atMost) ?? now) + DAY_MS : 0);
      return { allowed: false, retryAfter: Math.max(1, Math.ceil((next - now) / 1000)) };
    },

    async sweep() {
      await db.query('DELETE FROM sending WHERE last < $1', [new Date(clock.now() - DAY_MS)]);
    },
  };
}
