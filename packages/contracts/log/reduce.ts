import type { Position } from './position.ts';

/**
 * The one reducer of facts: each carries the full resulting state of one entity and its `rev`, and a reader replaces
 * what it holds if the fact is newer. Idempotent and indifferent to repetition, so that a relay may publish again
 * without bringing back what was undone.
 */
export function isNewer(held: { rev: number } | undefined, fact: { rev: number }): boolean {
  return held === undefined || fact.rev > held.rev;
}

/** A stretch of a conversation in which a user is a participant: records at from ≤ position ≤ to are theirs. */
export interface Span {
  role: string;
  /** The position of the fact that opened it. */
  from: Position;
  /** The position of the fact that closed it, itself still theirs; null while open. */
  to: Position | null;
  /** Messages before it are not shown: 0, or the position of joining. */
  visibleFrom: Position;
}

/** One user's participation in one conversation: every span, oldest first, and the rev of the last fact that counted. */
export interface Participation {
  rev: number;
  spans: Span[];
}

/** The participant as a fact states it. */
export interface ParticipantState {
  user: string;
  role: string;
  present: boolean;
  /** `joined`: sees messages from the point of joining; `all`: the whole history. */
  history: 'all' | 'joined';
  rev: number;
}

/**
 * Applies a participant fact that stands at `position`. Returns `held` itself when the fact is not newer; never
 * changes its arguments. Every reader computes the same spans, since `from`, `to` and `visibleFrom` are positions of
 * records in the log.
 */
export function reduceParticipation(held: Participation | undefined, fact: ParticipantState, position: Position): Participation {
  if (held && !isNewer(held, fact)) return held;
  const spans = held?.spans ?? [];
  const last = spans.at(-1);
  if (last?.to === null) {
    const { role } = fact;
    const now = fact.present ? { ...last, role } : { ...last, to: position };
    return { rev: fact.rev, spans: [...spans.slice(0, -1), now] };
  }
  if (!fact.present) return { rev: fact.rev, spans };
  const opened: Span = { role: fact.role, from: position, to: null, visibleFrom: fact.history === 'all' ? 0 : position };
  return { rev: fact.rev, spans: [...spans, opened] };
}

/** The span in force at a position, if the user was a participant there. */
export function spanAt(participation: Participation | undefined, position: Position): Span | undefined {
  return participation?.spans.findLast((span) => span.from <= position && (span.to === null || position <= span.to));
}

/**
 * Whether a record at `position` may reach the user. `about` is the position of the message that it refers to, if
 * any: a fact about a message that the reader may not see is not delivered, or an edit would show someone who joined
 * later what was written before. A post's own `about` is its position.
 */
export function mayReceive(participation: Participation | undefined, position: Position, about: Position = position): boolean {
  const span = spanAt(participation, position);
  return span !== undefined && (about >= span.visibleFrom || about >= span.from);
}

/**
 * The stretches of a conversation's history that the user may read, inclusive; empty unless they take part now. `to`
 * null: without end. What lies in an earlier, closed span stays readable.
 */
export function readableRanges(participation: Participation | undefined): { from: Position; to: Position | null }[] {
  if (participation?.spans.at(-1)?.to !== null) return [];
  return participation.spans.map(({ visibleFrom, to }) => ({ from: visibleFrom, to }));
}
