import { expect, it } from 'vitest';
import { advanceKeys, KEY_OVERLAP } from './advance-keys.ts';
import { formatPrivateKeys, type HeldKey, parsePrivateKeys } from './key-files.ts';

const DAY_MS = 86_400_000;
const everyMs = 30 * DAY_MS;
const { publishAheadMs, keepMs } = KEY_OVERLAP;

async function advance(held: readonly HeldKey[], now: number): Promise<HeldKey[]> {
  return advanceKeys({ held, now, everyMs });
}

it('makes a first key that signs at once', async () => {
  const keys = await advance([], 1_000);
  expect(keys.map(({ signsFrom }) => signsFrom)).toEqual([1_000]);
  expect(await advance(keys, 1_001)).toEqual(keys);
});

it('publishes the next key ahead of its time, keeps the old one for its tokens, and then drops it', async () => {
  const [first] = (await advance([], 0)) as [HeldKey];
  const begins = everyMs - publishAheadMs;
  expect(await advance([first], begins - 1)).toEqual([first]);
  const both = await advance([first], begins);
  expect(both[0]).toBe(first);
  expect(both[1]?.signsFrom).toBe(everyMs);
  expect(both[1]?.jwk.kid).not.toBe(first.jwk.kid);
  // Nothing is begun while one is on its way, and nothing dropped while its tokens live.
  for (const now of [begins + 1, everyMs, everyMs + keepMs - 1]) expect(await advance(both, now)).toEqual(both);
  expect(await advance(both, everyMs + keepMs)).toEqual([both[1]]);
});

it('does both at once for who was away for long', async () => {
  const both = await advance(await advance([], 0), everyMs);
  const later = await advance(both, 3 * everyMs);
  expect(later.map(({ signsFrom }) => signsFrom)).toEqual([everyMs + publishAheadMs, 3 * everyMs + publishAheadMs]);
  expect(later[0]).toBe(both[1]);
});

it('works on what a file holds', async () => {
  const keys = await advance(await advance([], 0), everyMs);
  expect(await parsePrivateKeys(formatPrivateKeys(keys))).toEqual(keys);
});
