import { createHmac } from 'node:crypto';
import type { Clock } from '@starling/platform/clock';
import type pg from 'pg';
import { deriveKey } from '../domain/keys.ts';

/** So many tokens at most, and one more every `refillSeconds`. */
export interface Bucket {
  capacity: number;
  refillSeconds: number;
}

/** `retryAfter`: seconds until there are enough tokens again, if nobody else takes them. */
export type Taken = { allowed: true } | { allowed: false; retryAfter: number };

/**
 * Token buckets in the database: all processes of the service take from the same ones, and a restart does not fill
 * them. A bucket is full until something is taken from it. Keys are stored as HMACs: they name addresses and accounts.
 */
export interface Throttle {
  /** Seconds for which this process knows the bucket to be empty, without asking the database; undefined: it may not be. */
  knownEmpty(key: string): number | undefined;
  /** Takes tokens (one unless given), all or none. */
  take(key: string, bucket: Bucket, tokens?: number): Promise<Taken>;
  /** Puts back one token that was taken. */
  refund(key: string, bucket: Bucket): Promise<void>;
  /** Removes the rows of buckets that have been full for a while. */
  sweep(): Promise<void>;
}

/** For how long an empty bucket is not asked about again, ms: someone else may have put something back. */
const EMPTY_FOR_MS = 5_000;
const KNOWN_EMPTY_AT_MOST = 10_000;

export function createThrottle(options: { db: pg.Pool; clock: Clock; secret: string }): Throttle {
  const { db, clock } = options;
  const hashKey = deriveKey(options.secret, 'throttle keys');
  const hash = (key: string) => createHmac('sha256', hashKey).update(key).digest();
  // A flood is refused out of memory: what it costs the database, everybody pays for.
  const empty = new Map<string, { since: number; until: number }>();

  function noteEmpty(key: string, retryAfter: number): void {
    if (empty.size >= KNOWN_EMPTY_AT_MOST) empty.clear();
    const since = clock.now();
    empty.set(key, { since, until: since + retryAfter * 1000 });
  }

  return {
    knownEmpty(key) {
      const noted = empty.get(key);
      if (!noted) return undefined;
      const now = clock.now();
      if (now < Math.min(noted.until, noted.since + EMPTY_FOR_MS)) return Math.ceil((noted.until - now) / 1000);
      empty.delete(key);
      return undefined;
    },

    async take(key, { capacity, refillSeconds }, tokens = 1) {
      const { rows } = await db.query<{ allowed: boolean; tokens: number | null; at: number | null }>(
        `WITH taken AS (
           INSERT INTO throttle AS held (key, tokens, at, full_at)
           VALUES ($1, $2::float8 - $4::float8, $5::float8, $5::float8 + $4::float8 * $3::float8)
           ON CONFLICT (key) DO UPDATE SET
             tokens = least($2, held.tokens + greatest(0, $5 - held.at) / $3) - $4,
             at = greatest(held.at, $5),
             full_at = greatest(held.at, $5) + ($2 - least($2, held.tokens + greatest(0, $5 - held.at) / $3) + $4) * $3
           WHERE least($2, held.tokens + greatest(0, $5 - held.at) / $3) >= $4
           RETURNING true
         )
         SELECT EXISTS (SELECT FROM taken) AS allowed, held.tokens, held.at
         FROM (SELECT) AS one LEFT JOIN throttle AS held ON held.key = $1`,
        [hash(key), capacity, refillSeconds * 1000, tokens, clock.now()],
      );
      const [row] = rows;
      if (row?.allowed) return { allowed: true };
      // As it was before: someone else may have taken the last one meanwhile.
      const [left, at] = [row?.tokens ?? 0, row?.at ?? clock.now()];
      const missing = Math.max(0, tokens - left) * refillSeconds - Math.max(0, clock.now() - at) / 1000;
      const retryAfter = Math.max(1, Math.ceil(missing));
      if (tokens === 1) noteEmpty(key, retryAfter);
      return { allowed: false, retryAfter };
    },

    async refund(key, { capacity, refillSeconds }) {
      empty.delete(key);
      await db.query(
        'UPDATE throttle SET tokens = least($2::float8, tokens + 1), full_at = greatest(at, full_at - $3::float8) WHERE key = $1',
        [hash(key), capacity, refillSeconds * 1000],
      );
    },

    async sweep() {
      await db.query('DELETE FROM throttle WHERE full_at < $1', [clock.now()]);
    },
  };
}
