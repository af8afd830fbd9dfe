import { bearerToken, ProblemError } from '@starling/platform/http';
import { type Gate, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import type { FastifyRequest } from 'fastify';
import { readSession } from './cookie.ts';
import { requireOwnPage } from './same-origin.ts';
import type { UserTokens } from './user-tokens.ts';

/**
 * The user behind a request: by the bearer token of a client without cookies, or by a browser's cookie. Throws a
 * ProblemError.
 */
export async function authenticate(request: FastifyRequest, options: { gate: Gate; tokens: UserTokens }): Promise<UserIdentity> {
  if (request.headers.authorization !== undefined) return verifyBearer(request, options.gate);
  const session = readSession(request);
  if (session === undefined) throw new ProblemError('unauthenticated');
  requireOwnPage(request);
  return options.tokens.forSession(session);
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
