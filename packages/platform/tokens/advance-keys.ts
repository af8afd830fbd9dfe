import { LEEWAY_SECONDS } from './gate.ts';
import { generateKey, type HeldKey } from './key-files.ts';
import { USER_TOKEN_SECONDS } from './minter.ts';

/** How long two keys of an issuer are there side by side, ms. */
export interface Overlap {
  /** From when others can know a key until it signs; much longer than they take to read the file again. */
  publishAheadMs: number;
  /** For how long a key stays after the next one has begun to sign; longer than a token lives. */
  keepMs: number;
}

/** 10 minutes, and a user token's life and 10 minutes. */
export const KEY_OVERLAP: Overlap = { publishAheadMs: 600_000, keepMs: (USER_TOKEN_SECONDS + LEEWAY_SECONDS) * 1000 + 600_000 };

/**
 * The keys that an issuer is to have at `now`, of those that it has: without those whose time is over; with a first one,
 * which signs at once, when there is none; with the next one, which signs after `publishAheadMs`, when the newest will
 * then have signed for `everyMs`. The keys that stay are the same objects.
 *
 * What signs must be published before: whoever stores the keys writes the public ones first.
 */
export async function advanceKeys(options: {
  held: readonly HeldKey[];
  now: number;
  everyMs: number;
  /** {@link KEY_OVERLAP} unless given. */
  overlap?: Overlap | undefined;
}): Promise<HeldKey[]> {
  const { held, now, everyMs, overlap: { publishAheadMs, keepMs } = KEY_OVERLAP } = options;
  const newest = held.at(-1);
  if (!newest) return [await generateKey(now)];
  const kept = held.filter((_key, index) => now < (held[index + 1]?.signsFrom ?? Number.POSITIVE_INFINITY) + keepMs);
  const isDue = newest.signsFrom <= now && now >= newest.signsFrom + everyMs - publishAheadMs;
  return isDue ? [...kept, await generateKey(now + publishAheadMs)] : kept;
}
