import { describe, expect, it } from 'vitest';
import { formatDay, formatMoment, formatShort, formatWait, isSameDay } from './times.ts';

const now = new Date(2030, 0, 16, 9).getTime();

describe('times', () => {
  it('names the day by how long ago it is', () => {
    expect(formatDay(new Date(2030, 0, 16, 0, 1).getTime(), now)).toBe('Today');
    expect(formatDay(new Date(2030, 0, 15, 23, 59).getTime(), now)).toBe('Yesterday');
    expect(formatDay(new Date(2030, 0, 2).getTime(), now)).toMatch(/Wednesday.*January/);
    expect(formatDay(new Date(2029, 4, 2).getTime(), now)).toMatch(/2029/);
  });

  it('is short in the list', () => {
    expect(formatShort(new Date(2030, 0, 16, 8, 30).getTime(), now)).toMatch(/30/);
    expect(formatShort(new Date(2030, 0, 14).getTime(), now)).toBe('Mon');
    expect(formatShort(new Date(2030, 0, 2).getTime(), now)).toMatch(/Jan/);
  });

  it('names a moment by day and time', () => {
    expect(formatMoment(new Date(2030, 0, 16, 8, 30).getTime(), now)).toMatch(/^Today at .*30/);
    expect(formatMoment(new Date(2029, 4, 2, 8, 30).getTime(), now)).toMatch(/2029 at .*30/);
  });

  it('never says a wait too short', () => {
    expect([0.2, 1, 42, 90, 91, 3_600, 5_400, 5_401, 86_400].map(formatWait)).toEqual([
      '1 second',
      '1 second',
      '42 seconds',
      '90 seconds',
      '2 minutes',
      '60 minutes',
      '90 minutes',
      '2 hours',
      '24 hours',
    ]);
  });

  it('tells days apart by the calendar', () => {
    expect(isSameDay(new Date(2030, 0, 1, 23, 59).getTime(), new Date(2030, 0, 2, 0, 1).getTime())).toBe(false);
  });
});
