/**
 * What a client does after its socket was closed:
 * - `never`: the client is at fault; connecting again would end the same way.
 * - `resume`: connect again at once (with jitter) from the stored cursor.
 * - `backoff`: the same, after a growing wait.
 * - `authenticate`: get a new token first.
 * - `resync`: the cursor is of no use any more; load a snapshot first.
 */
export type Retry = 'never' | 'resume' | 'backoff' | 'authenticate' | 'resync';

/** Every code with which a server of Starling closes a socket; others (1001, 1006 …) mean `backoff`. */
export const CLOSE_CODES = {
  'not-text': { code: 1007, retry: 'never', reason: 'the frame is not UTF-8' },
  'too-large': { code: 1009, retry: 'never', reason: 'the frame is too large' },
  restarting: { code: 1012, retry: 'resume', reason: 'the server restarts' },
  'invalid-frame': { code: 4400, retry: 'never', reason: 'the frame is not valid' },
  unauthenticated: { code: 4401, retry: 'authenticate', reason: 'the token is not valid' },
  expired: { code: 4402, retry: 'authenticate', reason: 'the token has expired' },
  idle: { code: 4408, retry: 'backoff', reason: 'no resume frame came' },
  resync: { code: 4409, retry: 'resync', reason: 'the cursor is not in the log' },
  behind: { code: 4410, retry: 'backoff', reason: 'the server has not caught up with the cursor' },
  'too-many': { code: 4429, retry: 'backoff', reason: 'this user has too many sockets' },
  slow: { code: 4413, retry: 'resume', reason: 'the client reads too slowly' },
  internal: { code: 4500, retry: 'backoff', reason: 'something went wrong on the server' },
  unavailable: { code: 4503, retry: 'backoff', reason: 'a part of the server does not answer' },
} as const satisfies Record<string, { code: number; retry: Retry; reason: string }>;

export type CloseName = keyof typeof CLOSE_CODES;

/** What to do after a socket closed with `code`. */
export function retryAfterClose(code: number): Retry {
  return Object.values(CLOSE_CODES).find((entry) => entry.code === code)?.retry ?? 'backoff';
}
