import { ProblemError } from '@starling/platform/http';
import type { FastifyRequest } from 'fastify';
import { pageOriginOf } from './visitor.ts';

/** A header that no form, link or image can send, and no script of another site without being allowed to. */
const OWN_HEADER = 'x-starling-request';

const SAFE_METHODS = new Set(['GET', 'HEAD']);

/** Throws `not-same-origin` for a request that changes something by the power of a cookie, unless our own page sent it. */
export function requireOwnPage(request: FastifyRequest): void {
  if (SAFE_METHODS.has(request.method)) return;
  if (request.headers.origin !== pageOriginOf(request) || request.headers[OWN_HEADER] !== '1') throw new ProblemError('not-same-origin');
}

/**
 * Throws `not-same-origin` for a request of a page, unless it is our own: others could log their visitors in as somebody
 * else. Programs send no Origin, and have no cookie that could be used.
 */
export function refuseOtherPages(request: FastifyRequest): void {
  if (request.headers.origin !== undefined) requireOwnPage(request);
}

/** Throws `not-same-origin` for every page: it has a cookie that its scripts cannot read, and must not be given what they could. */
export function refusePages(request: FastifyRequest): void {
  if (request.headers.origin === undefined) return;
  throw new ProblemError('not-same-origin', { detail: 'this is for programs; in a browser, use POST /v1/sessions' });
}
