import { expect, test } from 'vitest';
import { systemClock } from './index.ts';

test('the clock of the system tells milliseconds since 1970', () => {
  const before = Date.now();
  const now = systemClock.now();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});
