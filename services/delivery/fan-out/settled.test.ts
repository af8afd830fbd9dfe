import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Settled } from './settled.ts';

describe('what is settled', () => {
  it('is what lies before the lowest unfinished walk, in whatever order walks end', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ begin: fc.boolean(), end: fc.nat(5) }), { maxLength: 60 }), (list) => {
        const settled = new Settled(3);
        const walking: number[] = [];
        let [next, last] = [3, 3];
        for (const { begin, end } of list) {
          if (begin) {
            settled.begin(next);
            walking.push(next);
          }
          next++;
          settled.advance(next);
          const [ended] = walking.splice(end, 1);
          if (ended !== undefined) settled.end(ended);
          expect(settled.offset).toBe(Math.min(next, ...walking));
          expect(settled.offset).toBeGreaterThanOrEqual(last);
          last = settled.offset;
        }
      }),
    );
  });

  it('does not move while records are taken in that are not known to be all begun', () => {
    const settled = new Settled(0);
    settled.begin(0);
    settled.end(0);
    expect(settled.offset).toBe(0);
    settled.advance(1);
    expect(settled.offset).toBe(1);
  });
});
