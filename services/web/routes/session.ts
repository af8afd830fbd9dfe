import { type Client, Code } from '@connectrpc/connect';
import { LogInRequest, type SessionReply, SignUpRequest, type TokenReply } from '@starling/contracts/http';
import type { IdentityService } from '@starling/contracts/rpc';
import { ProblemError } from '@starling/platform/http';
import type { FastifyInstance } from 'fastify';
import { askIdentity } from '../sessions/ask-identity.ts';
import { requireShownUser } from '../sessions/authenticate.ts';
import { clearSession, readSession, setSession } from '../sessions/cookie.ts';
import { refuseOtherPages, requireOwnPage } from '../sessions/same-origin.ts';
import type { UserTokens } from '../sessions/user-tokens.ts';

/** Accounts, sessions and tokens. The session's own token goes into the cookie and nowhere else. */
export function sessionRoutes(app: FastifyInstance, options: { identity: Client<typeof IdentityService>; tokens: UserTokens }): void {
  const { identity, tokens } = options;

  app.post<{ Body: SignUpRequest }>('/v1/accounts', { schema: { body: SignUpRequest } }, async (request, reply): Promise<SessionReply> => {
    refuseOtherPages(request);
    const refusals = { [Code.AlreadyExists]: 'account-exists', [Code.InvalidArgument]: 'invalid-request' } as const;
    const { session, user } = await askIdentity(refusals, () => identity.signUp(request.body));
    setSession(request, reply.code(201), session);
    return { user };
  });

  app.post<{ Body: LogInRequest }>('/v1/sessions', { schema: { body: LogInRequest } }, async (request, reply): Promise<SessionReply> => {
    refuseOtherPages(request);
    const { session, user } = await askIdentity({ [Code.NotFound]: 'wrong-credentials' }, () => identity.logIn(request.body));
    setSession(request, reply.code(201), session);
    return { user };
  });

  app.get('/v1/sessions/current', async (request, reply): Promise<SessionReply> => {
    const session = requireSession(readSession(request));
    const { user } = await tokens.renew(session);
    requireShownUser(request, user);
    setSession(request, reply, session);
    return { user };
  });

  app.delete('/v1/sessions/current', async (request, reply) => {
    const session = readSession(request);
    if (session !== undefined) {
      requireOwnPage(request);
      const user = await tokens.forSession(session).then((held) => held.user, unlessEnded);
      if (user !== undefined) requireShownUser(request, user);
      await askIdentity({}, () => identity.logOut({ session }));
      tokens.forget(session);
    }
    clearSession(request, reply);
    return reply.code(204).send();
  });

  app.post<{ Body: LogInRequest }>('/v1/token', { schema: { body: LogInRequest } }, async (request): Promise<TokenReply> => {
    // A page has a cookie that its scripts cannot read; it must not be given what they could.
    if (request.headers.origin !== undefined) {
      throw new ProblemError('not-same-origin', { detail: 'this is for programs; in a browser, use POST /v1/sessions' });
    }
    const { user, token, expiresAt } = await askIdentity({ [Code.NotFound]: 'wrong-credentials' }, () => identity.issueToken(request.body));
    return { user, token, expiresAt };
  });

  app.post('/v1/socket-token', async (request): Promise<TokenReply> => {
    const session = requireSession(readSession(request));
    requireOwnPage(request);
    const origin = request.headers.origin as string;
    const { user, token, expiresAt } = await askIdentity({ [Code.NotFound]: 'unauthenticated' }, () =>
      identity.mintToken({ session, origin, socket: true }),
    );
    requireShownUser(request, user);
    return { user, token, expiresAt };
  });
}

/** What to do with a session that has ended already: nothing. */
function unlessEnded(error: unknown): undefined {
  if (error instanceof ProblemError && error.problemName === 'unauthenticated') return undefined;
  throw error;
}

function requireSession(session: string | undefined): string {
  if (session === undefined) throw new ProblemError('unauthenticated');
  return session;
}
