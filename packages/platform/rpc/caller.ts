import type { X509Certificate } from 'node:crypto';
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { hasRight, type Right } from '@starling/contracts/permissions';
import { HOP_HEADER } from '../http/caller.ts';
import { describeSpan, inSpan, type Logger, SERVICE_ATTRIBUTE, SpanKind, traceHeaders } from '../telemetry/index.ts';
import {
  type Caller,
  type Gate,
  identityAttributes,
  type Minter,
  mintedAttributes,
  type OnBehalfOf,
  TokenRefused,
  type UserIdentity,
} from '../tokens/index.ts';

const onBehalfOfKey = createContextKey<OnBehalfOf | undefined>(undefined);
const callerKey = createContextKey<Caller | undefined>(undefined);
const certificateKey = createContextKey<X509Certificate | undefined>(undefined);

/** What {@link requireTokens} is told of the connection that a call came by. */
export function fromConnectionOf(certificate: X509Certificate | undefined): ContextValues {
  return createContextValues().set(certificateKey, certificate);
}

/** Option of a client's call: it is made on behalf of this user. Without it, the service calls as itself. */
export function onBehalfOf(user: OnBehalfOf): { contextValues: ContextValues } {
  return { contextValues: createContextValues().set(onBehalfOfKey, user) };
}

/** Puts the tokens and the trace context on every call. */
export function attachTokens(minter: Minter, callee: string): Interceptor {
  return (next) => (request) =>
    inSpan(methodOf(request), { kind: SpanKind.CLIENT }, async () => {
      const user = request.contextValues.get(onBehalfOfKey);
      const hopToken = await minter.mintHopToken(callee, user);
      describeSpan(() => {
        const claims = mintedAttributes(hopToken);
        return { ...claims, [SERVICE_ATTRIBUTE]: claims['jwt.iss'] };
      });
      request.header.set(HOP_HEADER, hopToken);
      if (user) request.header.set('authorization', `Bearer ${user.token}`);
      for (const [name, value] of Object.entries(traceHeaders())) request.header.set(name, value);
      return next(request);
    });
}

/** Lets no call through whose tokens do not prove who is behind it, or that the table of calls does not have. */
export function requireTokens(gate: Gate, logger: Logger): Interceptor {
  return (next) => (request) => {
    const method = methodOf(request);
    const carrier = { traceparent: request.header.get('traceparent') ?? undefined };
    return inSpan(method, { kind: SpanKind.SERVER, carrier }, async () => {
      const userToken = request.header.get('authorization')?.replace(/^Bearer /i, '');
      try {
        const hopToken = request.header.get(HOP_HEADER) ?? '';
        const caller = await gate.verifyCall({ hopToken, userToken, method, certificate: request.contextValues.get(certificateKey) });
        request.contextValues.set(callerKey, caller);
        describeSpan(() => ({ ...identityAttributes(caller), [SERVICE_ATTRIBUTE]: caller.audience }));
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error;
        logger.info({ method, reason: error.message }, 'a call was refused');
        throw new ConnectError('the tokens of this call are not valid', Code.Unauthenticated);
      }
      return next(request);
    });
  };
}

/** As the table of calls names it. */
function methodOf({ service, method }: Parameters<ReturnType<Interceptor>>[0]): string {
  return `${service.typeName}/${method.name}`;
}

/** The user behind a call. Throws `unauthenticated` when a service called as itself. */
export function rpcUser(context: HandlerContext): UserIdentity {
  const user = context.values.get(callerKey)?.user;
  if (!user) throw new ConnectError('this is called on behalf of a user only', Code.Unauthenticated);
  return user;
}

/** Throws `permission_denied`, with the problem's name in its metadata, unless the user's role has the right. */
export function requireRight(user: UserIdentity, right: Right): void {
  if (hasRight(user.role, right)) return;
  throw new ConnectError('this is not allowed', Code.PermissionDenied, new Headers({ 'starling-problem': 'forbidden' }));
}
