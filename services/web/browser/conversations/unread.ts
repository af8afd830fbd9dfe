import type { State } from '@starling/client';
import type { ConversationSnapshot } from '@starling/contracts/http';

/** Whether its newest message is somebody else's and has not been shown in this browser. */
export function isUnread({ conversation, lastMessage }: ConversationSnapshot, { user, seen }: Pick<State, 'user' | 'seen'>): boolean {
  if (lastMessage === null || lastMessage.author === user) return false;
  return lastMessage.position > (seen.get(conversation.id) ?? -1);
}

export function countUnread(state: Pick<State, 'user' | 'seen' | 'conversations'>): number {
  return state.conversations.filter((item) => isUnread(item, state)).length;
}
