import type { ApiError } from '../rest/errors.ts';
import type { Failure } from '../sync/state.ts';

/** The session has ended; or the browser's is another user's by now, who logged in in another tab. */
export type SessionEnd = 'logged-out' | 'other-user';

const MESSAGES: Record<SessionEnd, string> = {
  'logged-out': 'Your session has ended.',
  'other-user': 'Somebody else has logged in, in another tab.',
};

export function failureOfEnd(end: SessionEnd): Failure {
  return { kind: end, message: MESSAGES[end] };
}

/** What the server means by `unauthenticated`: that there is no session, or that it is not the one of the user shown. */
export function endOf({ problem }: ApiError): SessionEnd {
  return problem.errors?.some(({ pointer }) => pointer === '/headers/x-starling-user') ? 'other-user' : 'logged-out';
}
