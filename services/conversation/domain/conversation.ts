import type { ConversationState } from '@starling/contracts/events';
import type { ParticipantState } from '@starling/contracts/log';
import type { ConversationRole } from '@starling/contracts/permissions';

/** A conversation as commands see it: its row is locked, so nothing changes between decision and commit. */
export interface Conversation {
  state: ConversationState;
  /** The last rev given to any entity of the conversation. */
  lastRev: number;
  participants: Participant[];
}

export type Participant = ParticipantState & { role: ConversationRole };

/** The participant, if they take part now. */
export function findPresent(conversation: Conversation, user: string): Participant | undefined {
  return conversation.participants.find((participant) => participant.user === user && participant.present);
}
