import { retryAfterClose } from '@starling/contracts/socket';
import { backoff } from '../clock.ts';
import { ApiError } from '../rest/errors.ts';
import type { Failure } from './state.ts';

/** What comes after a connection or an attempt ended: connect again after `delay` ms, or give up. */
export type Plan = { delay: number; freshToken: boolean; resync: boolean } | { failure: Failure };

/**
 * @param failures attempts in a row that did not become live; the first retry after a live connection comes at once,
 * with jitter so that a server's restart does not bring all its clients back in one moment, later ones back off.
 */
export function planAfterClose(code: number, reason: string, failures: number, random: () => number): Plan {
  const retry = retryAfterClose(code);
  if (retry === 'never') return { failure: { kind: 'refused', message: reason || 'The server does not accept this client.' } };
  const delay = retry === 'backoff' || failures > 0 ? backoff(failures, random) : random() * 500;
  return { delay, freshToken: retry === 'authenticate', resync: retry === 'resync' };
}

/** After a token or a snapshot could not be had. */
export function planAfterError(error: unknown, failures: number, random: () => number): Plan {
  if (error instanceof ApiError) {
    if (error.status === 401) return { failure: { kind: 'logged-out', message: error.message } };
    if (error.status >= 400 && error.status < 500 && error.status !== 429) return { failure: { kind: 'refused', message: error.message } };
  }
  const asked = error instanceof ApiError ? (error.problem.retryAfter ?? 0) * 1000 : 0;
  return { delay: Math.max(asked, backoff(failures, random)), freshToken: false, resync: false };
}
