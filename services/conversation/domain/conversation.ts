import type { ConversationState, Role } from '@starling/contracts/events';
import type { ParticipantState } from '@starling/contracts/log';

/** A conversation as commands see it: its row is locked, so nothing changes between decision and commit. */
export interface Conversation {
  state: ConversationState;
  /** The last rev given to any entity of the conversation. */
  lastRev: number;
  participants: Participant[];
}

export type Participant = ParticipantState & { role: Role };

/** What a participant may do; being one is the condition for all of it. */
export type Right = 'read' | 'rename' | 'add' | 'leave' | 'remove';

const RIGHTS: Record<ConversationState['kind'], Record<Role, readonly Right[]>> = {
  private: { owner: ['read'], member: ['read'] },
  group: { owner: ['read', 'rename', 'add', 'leave', 'remove'], member: ['read', 'rename', 'add', 'leave'] },
};

export function hasRight(kind: ConversationState['kind'], role: Role, right: Right): boolean {
  return RIGHTS[kind][role].includes(right);
}

/** The participant, if they take part now. */
export function findPresent(conversation: Conversation, user: string): Participant | undefined {
  return conversation.participants.find((participant) => participant.user === user && participant.present);
}
