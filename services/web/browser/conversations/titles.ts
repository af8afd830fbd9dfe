import type { State } from '@starling/client';
import type { ConversationSnapshot } from '@starling/contracts/http';

/** The other one of a private conversation. */
export function otherUser({ conversation, participants }: ConversationSnapshot, me: string | null): string | undefined {
  return conversation.kind === 'private' ? participants.find(({ user }) => user !== me)?.user : undefined;
}

/** What a conversation is called: a group by its name, a private one by the other person's. */
export function titleOf(item: ConversationSnapshot, { user, profiles }: Pick<State, 'user' | 'profiles'>): string {
  if (item.conversation.name !== null) return item.conversation.name;
  const other = otherUser(item, user);
  if (other === undefined) return 'Notes to yourself';
  return profiles.get(other)?.name ?? '…';
}

/** Whose picture stands for it. */
export function pictureOf(item: ConversationSnapshot, me: string | null): string {
  return otherUser(item, me) ?? item.conversation.id;
}

export function presentParticipants({ participants }: ConversationSnapshot) {
  return participants.filter(({ present }) => present);
}
