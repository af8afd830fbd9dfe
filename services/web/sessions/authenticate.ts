import { bearerToken, ProblemError } from '@starling/platform/http';
import { describeSpan } from '@starling/platform/telemetry';
import { type Gate, identityAttributes, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clearCookie, readCookie } from './cookie.ts';
import { requireOwnPage } from './same-origin.ts';
import type { UserTokens } from './user-tokens.ts';
import { siteOf } from './visitor.ts';

/** By this header a tab of the browser says whom it shows. */
const SHOWN_USER_HEADER = 'x-starling-user';

/**
 * Throws `unauthenticated`, with a pointer to the header, for the call of a tab that shows somebody else than the user
 * whose session came with it: who has logged in in another tab must not be taken for the one who is seen here.
 */
export function requireShownUser(request: FastifyRequest, user: string): void {
  const shown = request.headers[SHOWN_USER_HEADER];
  if (shown === undefined || shown === user) return;
  throw new ProblemError('unauthenticated', {
    detail: 'somebody else has logged in in this browser',
    errors: [{ pointer: `/headers/${SHOWN_USER_HEADER}`, detail: "is not the session's user" }],
  });
}

/**
 * The user behind a request: by the bearer token of a client without cookies, or by a browser's cookie, which is taken
 * away when its session has ended. Throws a ProblemError.
 */
export async function authenticate(
  request: FastifyRequest,
  reply: FastifyReply,
  options: { gate: Gate; tokens: UserTokens },
): Promise<UserIdentity> {
  const identity = await identify(request, reply, options);
  describeSpan(() => identityAttributes(identity));
  return identity;
}

async function identify(request: FastifyRequest, reply: FastifyReply, options: { gate: Gate; tokens: UserTokens }): Promise<UserIdentity> {
  if (request.headers.authorization !== undefined) return verifyBearer(request, options.gate);
  const session = requireSession(request);
  requireOwnPage(request);
  const identity = await askBySession(request, reply, () => options.tokens.forSession(session));
  requireShownUser(request, identity.user);
  return identity;
}

/** The session's token that came with the request. Throws `unauthenticated` when there is none. */
export function requireSession(request: FastifyRequest): string {
  const session = readCookie(request, siteOf(request), 'session');
  if (session === undefined) throw new ProblemError('unauthenticated');
  return session;
}

/** Does something by the power of the session's cookie; the cookie of a session that has ended is taken away. */
export async function askBySession<T>(request: FastifyRequest, reply: FastifyReply, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (isUnauthenticated(error)) clearCookie(reply, siteOf(request), 'session');
    throw error;
  }
}

export function isUnauthenticated(error: unknown): boolean {
  return error instanceof ProblemError && error.problemName === 'unauthenticated';
}

async function verifyBearer(request: FastifyRequest, gate: Gate): Promise<UserIdentity> {
  try {
    const identity = await gate.verifyUserToken(bearerToken(request) ?? '');
    if (identity.scope.split(' ').includes('api')) return identity;
    throw new TokenRefused('the token is not for the API');
  } catch (error) {
    if (!(error instanceof TokenRefused)) throw error;
    request.log.info({ reason: error.message }, 'a token was refused');
    throw new ProblemError('unauthenticated');
  }
}
