import { expect, test } from 'vitest';
import { FakeClock } from './index.ts';

test('the clock moves only when it is advanced', () => {
  const clock = new FakeClock(1000);
  expect([clock.now(), clock.now()]).toEqual([1000, 1000]);
  clock.advance(250);
  expect(clock.now()).toBe(1250);
});
