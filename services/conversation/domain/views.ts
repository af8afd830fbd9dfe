import type { ConversationState } from '@starling/contracts/events';
import { isNewer, type Position, reduceParticipation, type Span } from '@starling/contracts/log';
import type { Participant } from './conversation.ts';

/** A conversation as projected. */
export interface ConversationView {
  state: ConversationState;
  /** Null while only later facts of it have been read. */
  createdPosition: Position | null;
  lastPosition: Position;
  lastAt: number;
}

/** One user's participation as projected: the last state, and the spans that follow from all of them. */
export interface ParticipationView {
  conversation: string;
  participant: Participant;
  spans: Span[];
  /** Time of the record that changed it last, ms. */
  changedAt: number;
}

/** Where a fact stands. */
export interface Place {
  position: Position;
  at: number;
}

/** Takes a conversation's state in. A fact that is not newer changes nothing but what its place tells. */
export function reduceView(held: ConversationView | undefined, state: ConversationState, place: Place, created: boolean): ConversationView {
  const createdPosition = created ? (held?.createdPosition ?? place.position) : (held?.createdPosition ?? null);
  if (!held) return { state, createdPosition, lastPosition: place.position, lastAt: place.at };
  return { ...held, createdPosition, state: isNewer(held.state, state) ? state : held.state };
}

/** Takes a participant's state in; `held` itself when the fact is not newer. */
export function reduceParticipationView(
  held: ParticipationView | undefined,
  conversation: string,
  participant: Participant,
  place: Place,
): ParticipationView {
  if (held && !isNewer(held.participant, participant)) return held;
  const before = held && { rev: held.participant.rev, spans: held.spans };
  const { spans } = reduceParticipation(before, participant, place.position);
  return { conversation, participant, spans, changedAt: place.at };
}
