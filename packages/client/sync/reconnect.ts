import { retryAfterClose } from '@starling/contracts/socket';
import { backoff } from '../clock.ts';
import { ApiError } from '../rest/errors.ts';
import type { Failure } from './state.ts';

/** What comes after a connection or an attempt ended: connect again after `delay` ms, or give up. */
export type Plan = { delay: number; freshToken: boolean; resync: boolean } | { failure: Failure };

/** Those who were asked to wait equally long come back within so much more of it, since a server asks in whole seconds. */
const ASKED_SPREAD = 0.5;

/** A wait that the server asked for, ms. */
function asAsked(milliseconds: number, random: () => number): number {
  return milliseconds * (1 + ASKED_SPREAD * random());
}

/**
 * @param failures attempts in a row that did not become live; the first retry after a live connection comes at once,
 * with jitter so that a server's restart does not bring all its clients back in one moment, later ones back off.
 * @param retryAfter so long the server asked to wait, ms.
 */
export function planAfterClose(code: number, reason: string, failures: number, random: () => number, retryAfter = 0): Plan {
  const retry = retryAfterClose(code);
  if (retry === 'never') return { failure: { kind: 'refused', message: reason || 'The server does not accept this client.' } };
  const delay = retry === 'backoff' || failures > 0 ? backoff(failures, random) : random() * 500;
  return { delay: Math.max(delay, asAsked(retryAfter, random)), freshToken: retry === 'authenticate', resync: retry === 'resync' };
}

/** After a token or a snapshot could not be had. */
export function planAfterError(error: unknown, failures: number, random: () => number): Plan {
  if (error instanceof ApiError) {
    if (error.status === 401) return { failure: { kind: 'logged-out', message: error.message } };
    if (error.status >= 400 && error.status < 500 && error.status !== 429) return { failure: { kind: 'refused', message: error.message } };
  }
  const asked = error instanceof ApiError ? (error.problem.retryAfter ?? 0) * 1000 : 0;
  return { delay: Math.max(asAsked(asked, random), backoff(failures, random)), freshToken: false, resync: false };
}
