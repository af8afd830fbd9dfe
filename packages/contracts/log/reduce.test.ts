import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNewer, mayReceive, type ParticipantState, type Participation, readableRanges, reduceParticipation, spanAt } from './reduce.ts';

const fact = (given: Partial<ParticipantState> & { rev: number }): ParticipantState => ({
  user: 'ann',
  role: 'member',
  present: true,
  history: 'joined',
  ...given,
});

function reduceAll(facts: { fact: ParticipantState; position: number }[]): Participation | undefined {
  return facts.reduce<Participation | undefined>(
    (held, { fact: state, position }) => reduceParticipation(held, state, position),
    undefined,
  );
}

const histories = fc.array(fc.record({ present: fc.boolean(), history: fc.constantFrom('all' as const, 'joined' as const) }), {
  minLength: 1,
  maxLength: 12,
});

describe('a participation', () => {
  it('is the same however often older facts are published again', () => {
    fc.assert(
      fc.property(histories, fc.array(fc.nat(11), { maxLength: 20 }), (changes, repeats) => {
        const facts = changes.map((change, index) => ({ fact: fact({ ...change, rev: index + 1 }), position: index * 10 }));
        const once = reduceAll(facts);
        const again = repeats
          .flatMap((index) => facts[index] ?? [])
          .map(({ fact: state }, index) => ({ fact: state, position: 1000 + index }));
        expect(reduceAll([...facts, ...again])).toEqual(once);
      }),
    );
  });

  it('keeps spans apart and in order, and only the last may be open', () => {
    fc.assert(
      fc.property(histories, (changes) => {
        const spans =
          reduceAll(changes.map((change, index) => ({ fact: fact({ ...change, rev: index + 1 }), position: index * 10 })))?.spans ?? [];
        spans.forEach((span, index) => {
          const next = spans[index + 1];
          if (next) expect(span.to).not.toBeNull();
          if (next && span.to !== null) expect(next.from).toBeGreaterThan(span.to);
        });
      }),
    );
  });

  it('does not bring a removed participant back by a stale fact', () => {
    const removed = reduceAll([
      { fact: fact({ rev: 1 }), position: 10 },
      { fact: fact({ rev: 2, present: false }), position: 20 },
      { fact: fact({ rev: 1 }), position: 30 },
    ]);
    expect(spanAt(removed, 40)).toBeUndefined();
    expect(readableRanges(removed)).toEqual([]);
  });

  it('receives from the fact that adds to the fact that removes, both included', () => {
    const left = reduceAll([
      { fact: fact({ rev: 1 }), position: 10 },
      { fact: fact({ rev: 2, present: false }), position: 20 },
    ]);
    expect([9, 10, 15, 20, 21].map((position) => mayReceive(left, position))).toEqual([false, true, true, true, false]);
  });

  it('does not receive what refers to a message from before it could see any', () => {
    const joined = reduceAll([{ fact: fact({ rev: 1 }), position: 10 }]);
    const everything = reduceAll([{ fact: fact({ rev: 1, history: 'all' }), position: 10 }]);
    expect(mayReceive(joined, 15, 5)).toBe(false);
    expect(mayReceive(everything, 15, 5)).toBe(true);
  });

  it('reads the stretches it took part in, while it takes part', () => {
    const back = reduceAll([
      { fact: fact({ rev: 1 }), position: 10 },
      { fact: fact({ rev: 2, present: false }), position: 20 },
      { fact: fact({ rev: 3 }), position: 30 },
    ]);
    expect(readableRanges(back)).toEqual([
      { from: 10, to: 20 },
      { from: 30, to: null },
    ]);
  });
});

describe('isNewer', () => {
  it('takes a higher rev only', () => {
    expect(isNewer(undefined, { rev: 1 })).toBe(true);
    expect(isNewer({ rev: 1 }, { rev: 1 })).toBe(false);
    expect(isNewer({ rev: 2 }, { rev: 1 })).toBe(false);
    expect(isNewer({ rev: 1 }, { rev: 2 })).toBe(true);
  });
});
