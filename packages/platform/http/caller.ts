import { HTTP_METHOD, hasRight, type Right } from '@starling/contracts/permissions';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { describeSpan } from '../telemetry/index.ts';
import { certificateOf } from '../tls/index.ts';
import { type Caller, type Gate, identityAttributes, TokenRefused, type UserIdentity } from '../tokens/index.ts';
import { ProblemError } from './problem-error.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a user must have the right to, to use the route. */
    right?: Right;
  }
}

/** The header in which a hop token travels beside the user token's `Authorization`. */
export const HOP_HEADER = 'starling-hop';

const callers = new WeakMap<FastifyRequest, Caller>();

/**
 * Makes every route of `app` that comes after require the tokens of a service that calls on behalf of a user, and of
 * that user the right that the route's `config.right` names; a route that names none is an error.
 */
export function requireUserCaller(app: FastifyInstance, gate: Gate): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    if (!config?.right) throw new Error(`the route ${method} ${url} names no right (config.right)`);
  });
  app.addHook('onRequest', async (request) => {
    const { right } = request.routeOptions.config;
    try {
      const hop = request.headers[HOP_HEADER];
      const hopToken = typeof hop === 'string' ? hop : '';
      const certificate = certificateOf(request.raw);
      const caller = await gate.verifyCall({ hopToken, userToken: bearerToken(request), method: HTTP_METHOD, certificate });
      if (!caller.user) throw new TokenRefused('no user is behind this call');
      callers.set(request, caller);
      describeSpan(() => identityAttributes(caller));
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      request.log.info({ reason: error.message }, 'a call was refused');
      throw new ProblemError('unauthenticated');
    }
    if (right) requireRight(callingUser(request), right);
  });
}

/** The user behind a request to a route under {@link requireUserCaller}. */
export function callingUser(request: FastifyRequest): UserIdentity {
  const user = callers.get(request)?.user;
  if (!user) throw new ProblemError('unauthenticated');
  return user;
}

/** Throws the problem `forbidden` unless the user's role has the right. */
function requireRight(user: UserIdentity, right: Right): void {
  if (!hasRight(user.role, right)) throw new ProblemError('forbidden');
}

export function bearerToken(request: FastifyRequest): string | undefined {
  return /^Bearer ([\w.-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}
