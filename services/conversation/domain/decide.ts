import type { ConversationState } from '@starling/contracts/events';
import type { Fact } from '@starling/platform/outbox';
import { type Conversation, findPresent, type Participant } from './conversation.ts';

/** What a command changes: the rows with their new state, and the facts that say so. No facts: it is so already. */
export interface Decision {
  conversation: Conversation;
  facts: Fact[];
}

type NewId = () => string;

/** The limit of a group, until conversations have quotas of their own. */
export const PARTICIPANTS_LIMIT = 1_000;

export function decideCreate(
  state: Omit<ConversationState, 'rev'>,
  members: { user: string; role: Participant['role'] }[],
  newId: NewId,
): Decision {
  const participants = members.map(({ user, role }): Participant => ({ user, role, present: true, history: 'all', rev: 1 }));
  const conversation: Conversation = { state: { ...state, rev: 1 }, lastRev: 1, participants };
  const fact: Fact<'conversation.created'> = {
    id: newId(),
    key: state.id,
    rev: 1,
    kind: 'conversation.created',
    value: { conversation: conversation.state, participants },
  };
  return { conversation, facts: [fact] };
}

export function decideRename(held: Conversation, name: string, newId: NewId): Decision {
  if (held.state.name === name) return { conversation: held, facts: [] };
  const rev = held.lastRev + 1;
  const state = { ...held.state, name, rev };
  const fact: Fact<'conversation.updated'> = {
    id: newId(),
    key: state.id,
    rev,
    kind: 'conversation.updated',
    value: { conversation: state },
  };
  return { conversation: { ...held, state, lastRev: rev }, facts: [fact] };
}

export function decideAdd(held: Conversation, user: string, newId: NewId): Decision {
  if (findPresent(held, user)) return { conversation: held, facts: [] };
  return changeParticipant(
    { conversation: held, facts: [] },
    'participant.added',
    { user, role: 'member', present: true, history: 'all' },
    newId,
  );
}

/** Also leaving. The last owner hands over to the member who has been there longest, so that a group is never without one. */
export function decideRemove(held: Conversation, user: string, newId: NewId): Decision {
  const leaving = findPresent(held, user);
  if (!leaving) return { conversation: held, facts: [] };
  const removed = changeParticipant({ conversation: held, facts: [] }, 'participant.removed', { ...leaving, present: false }, newId);
  const rest = removed.conversation.participants.filter((participant) => participant.present).sort((a, b) => a.rev - b.rev);
  const heir = rest[0];
  if (!heir || rest.some((participant) => participant.role === 'owner')) return removed;
  return changeParticipant(removed, 'participant.changed', { ...heir, role: 'owner' }, newId);
}

function changeParticipant(
  before: Decision,
  kind: 'participant.added' | 'participant.changed' | 'participant.removed',
  change: Omit<Participant, 'rev'>,
  newId: NewId,
): Decision {
  const held = before.conversation;
  const rev = held.lastRev + 1;
  const participant: Participant = { ...change, rev };
  const participants = [...held.participants.filter(({ user }) => user !== participant.user), participant];
  const fact: Fact<typeof kind> = {
    id: newId(),
    key: held.state.id,
    rev,
    kind,
    value: { conversation: held.state, participant },
    user: participant.user,
  };
  return { conversation: { ...held, lastRev: rev, participants }, facts: [...before.facts, fact] };
}
