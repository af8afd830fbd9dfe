import type { Gate, UserIdentity } from '@starling/platform/tokens';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { askBySession, authenticate, isUnauthenticated, requireSession } from './authenticate.ts';
import { keysDiffer } from './keys-differ.ts';
import type { UserTokens } from './user-tokens.ts';

/**
 * Makes a call for the user behind a request. A callee that answers `unauthenticated`, though the gate here took the
 * token, knows first that the session has ended, or that keys were replaced. Which of the two is for identity to say: a
 * browser whose session lives gets a new token, and the call is made again; at worst it is told to come back, not to log in.
 */
export async function callForUser<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  options: { gate: Gate; tokens: UserTokens },
  call: (user: UserIdentity) => Promise<T>,
): Promise<T> {
  const user = await authenticate(request, reply, options);
  try {
    return await call(user);
  } catch (error) {
    // A program gets itself a new token.
    if (!isUnauthenticated(error) || request.headers.authorization !== undefined) throw error;
  }
  const renewed = await askBySession(request, reply, () => options.tokens.renew(requireSession(request)));
  try {
    return await call(renewed);
  } catch (error) {
    throw isUnauthenticated(error) ? keysDiffer() : error;
  }
}
