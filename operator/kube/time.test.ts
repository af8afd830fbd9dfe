import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemTime } from './time.ts';

const DAY_MS = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([0, 1, 24, 25, 100])('calls once, after %d days and not before', (days) => {
  let calls = 0;
  systemTime.after(days * DAY_MS + 1, () => calls++);
  vi.advanceTimersByTime(days * DAY_MS);
  expect(calls).toBe(0);
  vi.advanceTimersByTime(200 * DAY_MS);
  expect(calls).toBe(1);
});

it('calls nothing that was called off, however late', () => {
  let calls = 0;
  const cancel = systemTime.after(60 * DAY_MS, () => calls++);
  vi.advanceTimersByTime(50 * DAY_MS);
  cancel();
  vi.advanceTimersByTime(50 * DAY_MS);
  expect(calls).toBe(0);
});
