import type { Problem } from './problem.ts';

/**
 * Every error that Starling answers with over HTTP and, inside a `nack`, over the socket: problem details as RFC 9457
 * has them. `type` is `urn:starling:problem:<name>`; `retry` tells a client whether the same request can succeed later.
 */
export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is not valid', retry: false },
  'clock-ahead': { status: 400, title: "The client id's time is ahead of the server's clock", retry: false },
  unauthenticated: { status: 401, title: 'Log in first', retry: false },
  'wrong-credentials': { status: 401, title: 'Email or password is wrong', retry: false },
  'wrong-code': { status: 401, title: 'The code is wrong', retry: false },
  'code-expired': { status: 401, title: 'The code is not valid any more: have a new one sent', retry: false },
  'link-expired': { status: 401, title: 'The link is not valid any more: ask for a new one', retry: false },
  'second-factor-required': { status: 401, title: 'The account wants its second factor too', retry: false },
  'passkey-refused': { status: 401, title: 'The passkey was not accepted', retry: false },
  'sign-on-refused': { status: 401, title: 'The sign-on was not accepted', retry: false },
  forbidden: { status: 403, title: 'This is not allowed', retry: false },
  'not-same-origin': { status: 403, title: 'The request does not come from this site', retry: false },
  'registration-closed': { status: 403, title: 'Nobody can register here', retry: false },
  'invite-required': { status: 403, title: 'An invite that is valid is needed to register', retry: false },
  'https-required': { status: 403, title: 'Use HTTPS, or http://localhost on the machine itself', retry: false },
  'not-found': { status: 404, title: 'There is nothing here, or you may not see it', retry: false },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here', retry: false },
  'account-exists': { status: 409, title: 'There is an account with this email already', retry: false },
  'handle-taken': { status: 409, title: 'This handle is taken', retry: false },
  'already-so': { status: 409, title: 'The change does not apply to what is there', retry: false },
  'too-large': { status: 413, title: 'The request is too large', retry: false },
  'unsupported-media-type': { status: 415, title: 'Send application/json', retry: false },
  'idempotency-key-reused': { status: 422, title: 'This idempotency key was used for another request', retry: false },
  'rate-limited': { status: 429, title: 'Too many requests', retry: true },
  internal: { status: 500, title: 'Something went wrong on the server', retry: true },
  unavailable: { status: 503, title: 'A part of the server does not answer', retry: true },
  behind: { status: 503, title: 'The server has not caught up yet', retry: true },
  unknown: { status: 504, title: 'It is not known whether this was done: retry with the same id', retry: true },
} as const;

export type ProblemName = keyof typeof PROBLEMS;

const PREFIX = 'urn:starling:problem:';

export function renderProblem(name: ProblemName, extra: Partial<Pick<Problem, 'detail' | 'errors' | 'retryAfter'>> = {}): Problem {
  const { status, title } = PROBLEMS[name];
  return { type: PREFIX + name, title, status, ...extra };
}

/** The catalogue's name of a problem that arrived; `internal` for one that it does not have. */
export function problemName(problem: Pick<Problem, 'type'>): ProblemName {
  const name = problem.type.startsWith(PREFIX) ? problem.type.slice(PREFIX.length) : '';
  return Object.hasOwn(PROBLEMS, name) ? (name as ProblemName) : 'internal';
}
