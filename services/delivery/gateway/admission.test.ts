import { describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';

describe('admission', () => {
  it('takes no more than the cap', () => {
    const admission = new Admission({ cap: 3, perSecond: 100 }, 0);
    expect([0, 1, 2, 3, 4].map((open) => admission.admit(open, 0))).toEqual([undefined, undefined, undefined, 'full', 'full']);
  });

  it("takes two seconds' worth at once, then as many a second as it may, and no more for having waited long", () => {
    const admission = new Admission({ cap: 1000, perSecond: 5 }, 0);
    const takenAt = (now: number) => {
      let taken = 0;
      while (admission.admit(0, now) === undefined) taken++;
      return taken;
    };
    expect([0, 0, 1000, 1100, 1200, 2200, 60_000].map(takenAt)).toEqual([10, 0, 5, 0, 1, 5, 10]);
  });

  it('spends nothing on those for whom there is no room', () => {
    const admission = new Admission({ cap: 1, perSecond: 1 }, 0);
    for (let count = 0; count < 10; count++) expect(admission.admit(1, 0)).toBe('full');
    expect([0, 0, 0].map((open) => admission.admit(open, 0))).toEqual([undefined, undefined, 'rate']);
  });
});
