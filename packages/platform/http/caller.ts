import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Caller, type Gate, TokenRefused, type UserIdentity } from '../tokens/index.ts';
import { ProblemError } from './problem-error.ts';

/** The header in which a hop token travels beside the user token's `Authorization`. */
export const HOP_HEADER = 'starling-hop';

const callers = new WeakMap<FastifyRequest, Caller>();

/** Makes every route of `app` require the tokens of a service that calls on behalf of a user. */
export function requireUserCaller(app: FastifyInstance, gate: Gate): void {
  app.addHook('onRequest', async (request) => {
    try {
      const hop = request.headers[HOP_HEADER];
      const caller = await gate.verifyCall(typeof hop === 'string' ? hop : '', bearerToken(request));
      if (!caller.user) throw new TokenRefused('no user is behind this call');
      callers.set(request, caller);
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      request.log.info({ reason: error.message }, 'a call was refused');
      throw new ProblemError('unauthenticated');
    }
  });
}

/** The user behind a request to a route under {@link requireUserCaller}. */
export function callingUser(request: FastifyRequest): UserIdentity {
  const user = callers.get(request)?.user;
  if (!user) throw new ProblemError('unauthenticated');
  return user;
}

export function bearerToken(request: FastifyRequest): string | undefined {
  return /^Bearer ([\w.-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}
