import type { ConversationSnapshot, Message } from '@starling/contracts/http';
import { type Cursor, positionOf } from '@starling/contracts/log';
import type { EventFrame } from '@starling/contracts/socket';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advanceCursor, mergeMessages, placeConversation, reduceConversation } from './reduce.ts';

const id = '00000000-0000-4000-8000-000000000001';

function conversation(change: Partial<ConversationSnapshot> = {}): ConversationSnapshot {
  return {
    conversation: { id, kind: 'group', name: 'Birds', rev: 5 },
    participants: [{ user: 'ann', role: 'owner', present: true, history: 'all', rev: 5 }],
    at: 10,
    lastPosition: positionOf(1, 8),
    lastAt: 1000,
    lastMessage: null,
    ...change,
  };
}

function event(offset: number, kind: string, value: unknown): EventFrame {
  return { type: 'event', topic: 'conversations', key: id, position: positionOf(1, offset), at: 2000 + offset, kind, value };
}

function message(position: number): Message {
  return { conversation: id, position, author: 'ann', client: `c${position}`, body: `text ${position}`, at: position };
}

describe('reduceConversation', () => {
  it('takes a newer fact of each entity', () => {
    const renamed = reduceConversation(
      conversation(),
      event(10, 'conversation.updated', { conversation: { id, kind: 'group', name: 'Owls', rev: 6 } }),
    );
    expect(renamed.conversation.name).toBe('Owls');
    const participant = { user: 'bob', role: 'member', present: true, history: 'all', rev: 7 };
    const joined = reduceConversation(renamed, event(11, 'participant.added', { conversation: renamed.conversation, participant }));
    expect(joined.participants.map(({ user }) => user)).toEqual(['ann', 'bob']);
  });

  it('ignores a fact that is published again after a newer one', () => {
    const added = { user: 'bob', role: 'member', present: true, history: 'all', rev: 6 };
    const removed = { ...added, present: false, rev: 7 };
    const { conversation: state } = conversation();
    const events = [
      event(10, 'participant.added', { conversation: state, participant: added }),
      event(11, 'participant.removed', { conversation: state, participant: removed }),
      event(12, 'participant.added', { conversation: state, participant: added }),
    ];
    const held = events.reduce(reduceConversation, conversation());
    expect(held.participants.find(({ user }) => user === 'bob')).toEqual(removed);
  });

  it('applies nothing that its snapshot contains', () => {
    const held = conversation();
    expect(reduceConversation(held, event(9, 'conversation.updated', { conversation: { ...held.conversation, rev: 9 } }))).toBe(held);
  });

  it('moves the last message by position, and passes over kinds that it does not know', () => {
    const held = reduceConversation(conversation(), { ...event(12, 'message.posted', { body: 'hello' }), author: 'bob', client: 'x' });
    expect(held.lastMessage).toMatchObject({ body: 'hello', author: 'bob', position: positionOf(1, 12) });
    expect(held.lastAt).toBe(2012);
    expect(reduceConversation(held, event(11, 'message.posted', { body: 'older' }))).toBe(held);
    expect(reduceConversation(held, event(13, 'poll.opened', {}))).toBe(held);
  });
});

describe('placeConversation', () => {
  it('keeps the list by last activity, each conversation once', () => {
    const other = { ...conversation({ lastAt: 1500 }), conversation: { id: 'other', kind: 'group' as const, name: 'B', rev: 1 } };
    const list = placeConversation(placeConversation([], conversation()), other);
    expect(list.map(({ lastAt }) => lastAt)).toEqual([1500, 1000]);
    expect(placeConversation(list, conversation({ lastAt: 3000 })).map(({ lastAt }) => lastAt)).toEqual([3000, 1500]);
  });
});

describe('mergeMessages', () => {
  const positions = fc.uniqueArray(fc.nat(60)).map((list) => list.sort((a, b) => a - b));

  it('has every position of both once, ascending', () => {
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        const merged = mergeMessages(a.map(message), b.map(message)).map(({ position }) => position);
        expect(merged).toEqual([...new Set([...a, ...b])].sort((x, y) => x - y));
      }),
    );
  });
});

describe('advanceCursor', () => {
  const cursor = fc.record({
    epoch: fc.integer({ min: 1, max: 2 }),
    conversations: fc.array(fc.nat(100), { minLength: 2, maxLength: 2 }),
    receipts: fc.array(fc.nat(100), { minLength: 1, maxLength: 1 }),
    users: fc.array(fc.nat(100), { minLength: 1, maxLength: 1 }),
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(cursor, cursor, (held: Cursor, next: Cursor) => {
        const moved = advanceCursor(held, next);
        expect(moved.epoch).toBe(Math.max(held.epoch, next.epoch));
        if (held.epoch !== next.epoch) return;
        moved.conversations.forEach((offset, partition) => {
          expect(offset).toBe(Math.max(held.conversations[partition]!, next.conversations[partition]!));
        });
      }),
    );
  });
});
