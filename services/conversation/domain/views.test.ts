import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConversationView, type ParticipationView, reduceParticipationView, reduceView } from './views.ts';

const state = (rev: number) => ({ id: 'c', kind: 'group' as const, name: `name ${rev}`, rev });
const place = (position: number) => ({ position, at: position * 1000 });

describe('the view of a conversation', () => {
  it('is the newest state, however often and late older ones come again', () => {
    const order = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(order, (revs) => {
        const view = revs.reduce<ConversationView | undefined>(
          (held, rev, index) => reduceView(held, state(rev), place(index), rev === 1),
          undefined,
        );
        expect(view?.state).toEqual(state(Math.max(...revs)));
        // What it is listed by is where it was first heard of; and where it was created, where that was first read.
        expect([view?.lastPosition, view?.lastAt]).toEqual([0, 0]);
        expect(view?.createdPosition).toBe(revs.includes(1) ? revs.indexOf(1) : null);
      }),
    );
  });

  it('keeps what messages have made of its place in the list', () => {
    const held: ConversationView = { state: state(1), createdPosition: 0, lastPosition: 50, lastAt: 50_000 };
    expect(reduceView(held, state(2), place(60), false)).toEqual({ ...held, state: state(2) });
  });
});

describe('the view of a participation', () => {
  const participant = (rev: number, present: boolean) => ({ user: 'ann', role: 'member' as const, present, history: 'all' as const, rev });

  it('takes newer facts in and returns what it was given for others', () => {
    const added = reduceParticipationView(undefined, 'c', participant(1, true), place(10));
    expect(added).toEqual({
      conversation: 'c',
      participant: participant(1, true),
      spans: [{ role: 'member', from: 10, to: null, visibleFrom: 0 }],
      changedAt: 10_000,
    });
    const removed = reduceParticipationView(added, 'c', participant(4, false), place(20));
    expect(removed).toMatchObject({ spans: [{ from: 10, to: 20 }], changedAt: 20_000 });
    for (const rev of [1, 2, 3, 4]) expect(reduceParticipationView(removed, 'c', participant(rev, true), place(30))).toBe(removed);
  });

  it('knows a participant of whom the removal is the first that is read', () => {
    const view: ParticipationView = reduceParticipationView(undefined, 'c', participant(4, false), place(20));
    expect(view.spans).toEqual([]);
    expect(reduceParticipationView(view, 'c', participant(3, true), place(30))).toBe(view);
  });
});
