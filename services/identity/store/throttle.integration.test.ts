import { FakeClock } from '@starling/testing/clock';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../test-identity.ts';
import { createThrottle, type Throttle } from './throttle.ts';

const secret = 'x'.repeat(32);
const clock = new FakeClock();
let identity: TestIdentity;
let throttle: Throttle;

beforeAll(async () => {
  identity = await startTestIdentity();
  throttle = createThrottle({ db: identity.db, clock, secret });
});

afterAll(() => identity.stop());

const bucket = { capacity: 3, refillSeconds: 60 };
const rowsOf = async () => (await identity.db.query('SELECT FROM throttle')).rowCount;

test('a bucket gives what it holds, and one more for each time that passes', async () => {
  for (let index = 0; index < 3; index++) expect(await throttle.take('a', bucket)).toEqual({ allowed: true });
  expect(await throttle.take('a', bucket)).toEqual({ allowed: false, retryAfter: 60 });
  clock.advance(20_000);
  expect(await throttle.take('a', bucket)).toEqual({ allowed: false, retryAfter: 40 });
  clock.advance(40_000);
  expect(await throttle.take('a', bucket)).toEqual({ allowed: true });
  expect((await throttle.take('a', bucket)).allowed).toBe(false);
  clock.advance(3_600_000);
  for (let index = 0; index < 3; index++) expect((await throttle.take('a', bucket)).allowed).toBe(true);
  expect((await throttle.take('a', bucket)).allowed).toBe(false);
});

test('several tokens are taken together or not at all', async () => {
  expect((await throttle.take('b', bucket, 2)).allowed).toBe(true);
  expect(await throttle.take('b', bucket, 2)).toEqual({ allowed: false, retryAfter: 60 });
  expect((await throttle.take('b', bucket)).allowed).toBe(true);
});

test('who take at once never get more than there is, in whatever process', async () => {
  const other = createThrottle({ db: identity.db, clock, secret });
  const taken = await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 ? throttle : other).take('c', bucket)));
  expect(taken.filter(({ allowed }) => allowed)).toHaveLength(3);
  const later = createThrottle({ db: identity.db, clock, secret });
  expect((await later.take('c', bucket)).allowed).toBe(false);
});

test('what was taken can be put back, and no more than that', async () => {
  for (let index = 0; index < 3; index++) await throttle.take('d', bucket);
  await throttle.refund('d', bucket);
  expect((await throttle.take('d', bucket)).allowed).toBe(true);
  expect((await throttle.take('d', bucket)).allowed).toBe(false);
  for (let index = 0; index < 5; index++) await throttle.refund('d', bucket);
  for (let index = 0; index < 3; index++) expect((await throttle.take('d', bucket)).allowed).toBe(true);
  expect((await throttle.take('d', bucket)).allowed).toBe(false);
});

test('an empty bucket is known to be empty for a moment without the database', async () => {
  expect(throttle.knownEmpty('e')).toBeUndefined();
  for (let index = 0; index < 4; index++) await throttle.take('e', bucket);
  expect(throttle.knownEmpty('e')).toBe(60);
  clock.advance(5_000);
  expect(throttle.knownEmpty('e')).toBeUndefined();
  await throttle.take('e', bucket);
  expect(throttle.knownEmpty('e')).toBe(55);
  await throttle.refund('e', bucket);
  expect(throttle.knownEmpty('e')).toBeUndefined();
});

test('a clock that is behind takes nothing away from anybody', async () => {
  const behind = createThrottle({ db: identity.db, clock: { now: () => clock.now() - 600_000 }, secret });
  await throttle.take('f', bucket);
  expect((await behind.take('f', bucket)).allowed).toBe(true);
  expect((await throttle.take('f', bucket)).allowed).toBe(true);
  expect((await behind.take('f', bucket)).allowed).toBe(false);
});

test('buckets that are full again leave no row, and others stay', async () => {
  await throttle.sweep();
  const before = await rowsOf();
  await throttle.take('g', bucket);
  clock.advance(59_000);
  await throttle.sweep();
  expect(await rowsOf()).toBeGreaterThanOrEqual(1);
  clock.advance(3_600_000);
  await throttle.sweep();
  expect(before).toBeGreaterThan(0);
  expect(await rowsOf()).toBe(0);
});
