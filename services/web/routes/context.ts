import type { onBehalfOf } from '@starling/platform/rpc';
import type { Gate, UserIdentity } from '@starling/platform/tokens';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { askIdentityFor, type IdentityClients } from '../sessions/ask-identity.ts';
import { callForUser } from '../sessions/call-for-user.ts';
import type { UserTokens } from '../sessions/user-tokens.ts';

/** What the routes that identity answers work with. */
export interface IdentityRoutesContext {
  identity: IdentityClients;
  tokens: UserTokens;
  gate: Gate;
  /** The origin by which the world reaches the site; undefined when it is not configured. */
  publicOrigin: string | undefined;
}

/** Makes a call to identity on behalf of the user behind a request; twice, if a new token may make it good. */
export async function askForCaller<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  context: IdentityRoutesContext,
  call: (options: ReturnType<typeof onBehalfOf>, user: UserIdentity) => Promise<T>,
): Promise<T> {
  return callForUser(request, reply, context, (user) => askIdentityFor(user, (options) => call(options, user)));
}
