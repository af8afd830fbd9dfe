import { expect, test } from 'vitest';
import { bucketOfCode, bucketsOfKnown, bucketsOfStranger } from './guess-buckets.ts';

const keysOf = (buckets: { key: string }[]) => buckets.map(({ key }) => key);
const guess = { email: 'ann@example.org', address: '192.0.2.1' };

test('a stranger is counted at the account and address first, and without an address at the account alone', () => {
  const buckets = bucketsOfStranger(guess);
  expect(buckets).toHaveLength(3);
  const [both, byAddress, ofAccount] = buckets.map(({ capacity }) => capacity) as [number, number, number];
  expect(both).toBeLessThan(Math.min(byAddress, ofAccount));
  expect(keysOf(bucketsOfStranger({ ...guess, address: '' }))).toEqual([buckets[2]?.key]);
});

test('what strangers use up is nothing of what is known, and accounts share a bucket of an address only', () => {
  const known = keysOf(bucketsOfKnown({ user: 'ann', by: 'device' }));
  expect(keysOf(bucketsOfStranger(guess)).filter((key) => known.includes(key))).toEqual([]);
  const other = keysOf(bucketsOfStranger({ ...guess, email: 'bob@example.org' }));
  expect(keysOf(bucketsOfStranger(guess)).filter((key) => other.includes(key))).toEqual(['password by 192.0.2.1']);
  expect(keysOf(bucketsOfKnown({ user: 'bob', by: 'device' }))).not.toEqual(known);
});

test('tries of codes are counted by user and method, and for each known device and for all strangers apart', () => {
  const buckets = ['ann', 'bob'].flatMap((user) =>
    (['totp', 'recovery-code'] as const).flatMap((method) =>
      [undefined, 'a device', 'another'].map((by) => bucketOfCode({ method, user, by })),
    ),
  );
  expect(new Set(keysOf(buckets)).size).toBe(12);
  // Digits are guessed at slowly, also by all devices of an account at once (20 at most).
  const [strangers, device] = buckets.map(({ refillSeconds }) => 86_400 / refillSeconds) as [number, number];
  expect(strangers + 20 * device).toBeLessThan(1000);
});
