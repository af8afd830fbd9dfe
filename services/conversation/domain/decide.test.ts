import type { ParticipantChanged } from '@starling/contracts/events';
import { hasConversationRight } from '@starling/contracts/permissions';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Conversation, findPresent } from './conversation.ts';
import { type Decision, decideAdd, decideCreate, decideRemove, decideRename } from './decide.ts';

let ids = 0;
const newId = () => `id-${++ids}`;

const group = (...users: string[]): Conversation =>
  decideCreate(
    { id: 'c', kind: 'group', name: 'Staff' },
    users.map((user, index) => ({ user, role: index === 0 ? ('owner' as const) : ('member' as const) })),
    newId,
  ).conversation;

const roles = (conversation: Conversation) =>
  Object.fromEntries(conversation.participants.filter((participant) => participant.present).map(({ user, role }) => [user, role]));

type Step = { do: 'add' | 'remove'; user: string } | { do: 'rename'; name: string };
const users = fc.constantFrom('ann', 'bob', 'cat', 'dan');
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('add' as const, 'remove' as const), user: users }),
    fc.record({ do: fc.constant('rename' as const), name: fc.constantFrom('Staff', 'Choir', 'Team') }),
  ),
  { maxLength: 30 },
);

function take(held: Conversation, step: Step): Decision {
  if (step.do === 'rename') return decideRename(held, step.name, newId);
  return step.do === 'add' ? decideAdd(held, step.user, newId) : decideRemove(held, step.user, newId);
}

describe('creating', () => {
  it('is one fact of rev 1 with everyone who is there from the start', () => {
    const { conversation, facts } = decideCreate(
      { id: 'c', kind: 'group', name: 'Staff' },
      [
        { user: 'ann', role: 'owner' },
        { user: 'bob', role: 'member' },
      ],
      () => 'e',
    );
    const participants = [
      { user: 'ann', role: 'owner', present: true, history: 'all', rev: 1 },
      { user: 'bob', role: 'member', present: true, history: 'all', rev: 1 },
    ];
    const state = { id: 'c', kind: 'group', name: 'Staff', rev: 1 };
    expect(facts).toEqual([{ id: 'e', key: 'c', rev: 1, kind: 'conversation.created', value: { conversation: state, participants } }]);
    expect(conversation).toEqual({ state, lastRev: 1, participants });
  });
});

describe('changes', () => {
  it('give each fact a rev of its own, above all before', () => {
    fc.assert(
      fc.property(steps, (list) => {
        let held = group('ann', 'bob');
        let last = 1;
        for (const step of list) {
          const { conversation, facts } = take(held, step);
          for (const fact of facts) {
            expect(fact.rev).toBe(++last);
            expect(fact.key).toBe('c');
          }
          expect(conversation.lastRev).toBe(last);
          held = conversation;
        }
        expect(new Set(held.participants.map(({ user }) => user)).size).toBe(held.participants.length);
      }),
    );
  });

  it('state in each fact what the conversation then holds of that entity', () => {
    fc.assert(
      fc.property(steps, (list) => {
        let held = group('ann', 'bob');
        for (const step of list) {
          const { conversation, facts } = take(held, step);
          for (const fact of facts) {
            if (fact.kind === 'conversation.updated') {
              expect(fact.value).toEqual({ conversation: conversation.state });
            } else {
              const { participant, conversation: state } = fact.value as ParticipantChanged;
              expect(state).toEqual(conversation.state);
              expect(conversation.participants).toContainEqual(participant);
              expect([fact.user, participant.rev]).toEqual([participant.user, fact.rev]);
              expect(fact.kind === 'participant.removed').toBe(!participant.present);
            }
          }
          held = conversation;
        }
      }),
    );
  });

  it('that change nothing make no fact, and may be given twice', () => {
    fc.assert(
      fc.property(steps, (list) => {
        let held = group('ann', 'bob');
        for (const step of list) {
          held = take(held, step).conversation;
          expect(take(held, step)).toEqual({ conversation: held, facts: [] });
        }
      }),
    );
  });

  it('leave a group with an owner as long as anybody is in it', () => {
    fc.assert(
      fc.property(steps, (list) => {
        let held = group('ann', 'bob');
        for (const step of list) {
          const hadOwner = Object.values(roles(held)).includes('owner');
          held = take(held, step).conversation;
          const now = Object.values(roles(held));
          if (hadOwner && now.length > 0) expect(now).toContain('owner');
        }
      }),
    );
  });

  it('do not touch what they were given', () => {
    fc.assert(
      fc.property(steps, (list) => {
        let held = group('ann', 'bob');
        for (const step of list) {
          const before = structuredClone(held);
          const { conversation } = take(held, step);
          expect(held).toEqual(before);
          held = conversation;
        }
      }),
    );
  });
});

describe('removing', () => {
  it('the last owner hands over to who has been there longest', () => {
    let held = group('ann');
    for (const user of ['cat', 'bob', 'dan']) held = decideAdd(held, user, newId).conversation;
    held = decideAdd(decideRemove(held, 'cat', newId).conversation, 'cat', newId).conversation;
    const { conversation, facts } = decideRemove(held, 'ann', newId);
    expect(facts.map(({ kind, user }) => [kind, user])).toEqual([
      ['participant.removed', 'ann'],
      ['participant.changed', 'bob'],
    ]);
    expect(roles(conversation)).toEqual({ bob: 'owner', dan: 'member', cat: 'member' });
  });

  it('a member leaves the owner as they are', () => {
    const { conversation, facts } = decideRemove(group('ann', 'bob'), 'bob', newId);
    expect(facts.map(({ kind }) => kind)).toEqual(['participant.removed']);
    expect(roles(conversation)).toEqual({ ann: 'owner' });
    expect(findPresent(conversation, 'bob')).toBeUndefined();
  });

  it('an owner who comes back is a member', () => {
    const left = decideRemove(group('ann', 'bob'), 'ann', newId).conversation;
    expect(roles(decideAdd(left, 'ann', newId).conversation)).toEqual({ ann: 'member', bob: 'owner' });
  });

  it('the last one makes nobody owner', () => {
    const { facts } = decideRemove(group('ann'), 'ann', newId);
    expect(facts.map(({ kind }) => kind)).toEqual(['participant.removed']);
  });
});

describe('rights', () => {
  it('are those of kind and role', () => {
    const rights = ['read', 'rename', 'add', 'leave', 'remove'] as const;
    const of = (kind: 'private' | 'group', role: 'owner' | 'member') => rights.filter((right) => hasConversationRight(kind, role, right));
    expect(of('private', 'member')).toEqual(['read']);
    expect(of('group', 'member')).toEqual(['read', 'rename', 'add', 'leave']);
    expect(of('group', 'owner')).toEqual([...rights]);
  });
});
