import type { onBehalfOf } from '@starling/platform/rpc';
import type { Gate } from '@starling/platform/tokens';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { askIdentityFor, type IdentityClients } from '../sessions/ask-identity.ts';
import { authenticate } from '../sessions/authenticate.ts';
import type { UserTokens } from '../sessions/user-tokens.ts';

/** What the routes that identity answers work with. */
export interface IdentityRoutesContext {
  identity: IdentityClients;
  tokens: UserTokens;
  gate: Gate;
  /** The origin by which the world reaches the site; undefined when it is not configured. */
  publicOrigin: string | undefined;
}

/** Makes a call to identity on behalf of the user behind a request. */
export async function askForCaller<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  context: IdentityRoutesContext,
  call: (options: ReturnType<typeof onBehalfOf>) => Promise<T>,
): Promise<T> {
  return askIdentityFor(await authenticate(request, reply, context), call);
}
