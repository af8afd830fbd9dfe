import { bearerToken, ProblemError } from '@starling/platform/http';
import { type Gate, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import type { FastifyRequest } from 'fastify';
import { readSession } from './cookie.ts';
import { requireOwnPage } from './same-origin.ts';
import type { UserTokens } from './user-tokens.ts';

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
 * The user behind a request: by the bearer token of a client without cookies, or by a browser's cookie. Throws a
 * ProblemError.
 */
export async function authenticate(request: FastifyRequest, options: { gate: Gate; tokens: UserTokens }): Promise<UserIdentity> {
  if (request.headers.authorization !== undefined) return verifyBearer(request, options.gate);
  const session = readSession(request);
  if (session === undefined) throw new ProblemError('unauthenticated');
  requireOwnPage(request);
  const identity = await options.tokens.forSession(session);
  requireShownUser(request, identity.user);
  return identity;
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
