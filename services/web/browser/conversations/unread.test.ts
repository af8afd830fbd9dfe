import type { ConversationSnapshot } from '@starling/contracts/http';
import { expect, it } from 'vitest';
import { countUnread, isUnread } from './unread.ts';

function conversation(id: string, last: { author: string; position: number } | null): ConversationSnapshot {
  const lastMessage = last && { conversation: id, client: 'x', body: 'text', at: 1, ...last };
  return {
    conversation: { id, kind: 'group', name: 'Birds', rev: 1 },
    participants: [],
    at: 9,
    lastPosition: last?.position ?? 0,
    lastAt: 1,
    lastMessage,
  };
}

it('takes what others have written since it was last shown here for unread', () => {
  const state = { user: 'ann', seen: new Map([['seen', 5]]) };
  const unread = [conversation('seen', { author: 'bob', position: 6 }), conversation('never opened', { author: 'bob', position: 0 })];
  const read = [
    conversation('seen', { author: 'bob', position: 5 }),
    conversation('seen', { author: 'ann', position: 6 }),
    conversation('empty', null),
  ];
  expect([...unread, ...read].map((item) => isUnread(item, state))).toEqual([true, true, false, false, false]);
  expect(countUnread({ ...state, conversations: [...unread, ...read] })).toBe(2);
});
