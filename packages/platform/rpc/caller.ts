import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { HOP_HEADER } from '../http/caller.ts';
import { inSpan, traceHeaders } from '../telemetry/index.ts';
import { type Caller, type Gate, type Minter, type OnBehalfOf, TokenRefused, type UserIdentity } from '../tokens/index.ts';

const onBehalfOfKey = createContextKey<OnBehalfOf | undefined>(undefined);
const callerKey = createContextKey<Caller | undefined>(undefined);

/** Option of a client's call: it is made on behalf of this user. Without it, the service calls as itself. */
export function onBehalfOf(user: OnBehalfOf): { contextValues: ContextValues } {
  return { contextValues: createContextValues().set(onBehalfOfKey, user) };
}

/** Puts the tokens and the trace context on every call. */
export function attachTokens(minter: Minter, callee: string): Interceptor {
  return (next) => async (request) => {
    const user = request.contextValues.get(onBehalfOfKey);
    request.header.set(HOP_HEADER, await minter.mintHopToken(callee, user));
    if (user) request.header.set('authorization', `Bearer ${user.token}`);
    for (const [name, value] of Object.entries(traceHeaders())) request.header.set(name, value);
    return next(request);
  };
}

/** Lets no call through whose tokens do not prove who is behind it. */
export function requireTokens(gate: Gate): Interceptor {
  return (next) => (request) =>
    inSpan(`${request.service.typeName}/${request.method.name}`, { carrier: Object.fromEntries(request.header.entries()) }, async () => {
      const userToken = request.header.get('authorization')?.replace(/^Bearer /i, '');
      try {
        request.contextValues.set(callerKey, await gate.verifyCall(request.header.get(HOP_HEADER) ?? '', userToken));
      } catch (error) {
        throw error instanceof TokenRefused ? new ConnectError('the tokens of this call are not valid', Code.Unauthenticated) : error;
      }
      return next(request);
    });
}

/** The user behind a call. Throws `unauthenticated` when a service called as itself. */
export function rpcUser(context: HandlerContext): UserIdentity {
  const user = context.values.get(callerKey)?.user;
  if (!user) throw new ConnectError('this is called on behalf of a user only', Code.Unauthenticated);
  return user;
}

/** Throws unless one of these services calls as itself. */
export function requireService(context: HandlerContext, ...allowed: string[]): void {
  const caller = context.values.get(callerKey);
  if (!caller?.service || caller.user || !allowed.includes(caller.service))
    throw new ConnectError('this caller may not', Code.PermissionDenied);
}
