import type { PendingSend } from '@starling/client';
import { describe, expect, it } from 'vitest';
import { toRows } from './rows.ts';

const minute = 60_000;
const noon = new Date(2030, 0, 1, 12).getTime();

function message(author: string, at: number) {
  return { conversation: 'c', position: at, author, client: `${author}${at}`, body: 'text', at };
}

function pendingAt(at: number): PendingSend {
  return { client: `ann${at}`, body: 'text', at, state: 'sending', problem: null, isKept: true };
}

describe('toRows', () => {
  it('groups what one person says in a row, until some time passes or the day changes', () => {
    const times = [0, 1, 2, 20, 12 * 60 + 1];
    const rows = toRows(
      [
        ...times.slice(0, 2).map((at) => message('ann', noon + at * minute)),
        ...times.slice(2).map((at) => message('bob', noon + at * minute)),
      ],
      false,
      [],
      'ann',
    );
    expect(rows.map(({ startsGroup }) => startsGroup)).toEqual([true, false, true, true, true]);
    expect(rows.map(({ startsDay }) => startsDay)).toEqual([true, false, false, false, true]);
  });

  it('puts what is on its way last, under the key that the message will have', () => {
    const [first, last] = toRows([message('bob', noon)], false, [pendingAt(noon - minute)], 'ann');
    expect(first?.author).toBe('bob');
    expect(last).toMatchObject({ author: 'ann', pending: { state: 'sending' }, at: noon });
    const [stored] = toRows([message('ann', noon - minute)], false, [], 'ann');
    expect(stored?.key).toBe(last?.key);
  });

  it('draws no row otherwise when older messages come', () => {
    const all = Array.from({ length: 20 }, (_, index) => message(index % 3 ? 'ann' : 'bob', noon + index * 4 * minute));
    for (let loaded = 1; loaded < all.length; loaded++) {
      const rows = toRows(all.slice(-loaded), true, [], 'ann');
      expect(rows).toEqual(toRows(all, false, [], 'ann').slice(all.length - loaded + 1));
    }
  });
});
