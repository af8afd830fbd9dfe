import {
  EndAllSessionsRequest,
  LogInRequest,
  type SecondFactorReply,
  SecondFactorRequest,
  type SessionReply,
  type SessionsReply,
} from '@starling/contracts/http';
import { Uuid } from '@starling/contracts/schema';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { askIdentity } from '../sessions/ask-identity.ts';
import { askBySession, isUnauthenticated, requireSession, requireShownUser } from '../sessions/authenticate.ts';
import { clearCookie, readCookie, setCookie } from '../sessions/cookie.ts';
import { refuseOtherPages, requireOwnPage } from '../sessions/same-origin.ts';
import { clientOf, siteOf } from '../sessions/visitor.ts';
import { askForCaller, type IdentityRoutesContext } from './context.ts';
import { answerLogIn, beginSession } from './replies.ts';

const SessionParams = Type.Object({ id: Uuid });

/** Logging in and out, and the sessions that a user has. */
export function sessionsRoutes(app: FastifyInstance, context: IdentityRoutesContext): void {
  const { sessions } = context.identity;
  const { tokens } = context;

  app.post<{ Body: LogInRequest }>(
    '/v1/sessions',
    { schema: { body: LogInRequest } },
    async (request, reply): Promise<SessionReply | SecondFactorReply> => {
      refuseOtherPages(request);
      const { result } = await askIdentity(() => sessions.logIn({ ...request.body, client: clientOf(request) }));
      return answerLogIn(request, reply, result);
    },
  );

  app.post<{ Body: SecondFactorRequest }>(
    '/v1/sessions/second-factor',
    { schema: { body: SecondFactorRequest } },
    async (request, reply): Promise<SessionReply> => {
      refuseOtherPages(request);
      const begun = await askIdentity(() => sessions.completeLogIn({ ...request.body, client: clientOf(request) }));
      return beginSession(request, reply, begun);
    },
  );

  app.get('/v1/sessions/current', async (request, reply): Promise<SessionReply> => {
    const session = requireSession(request);
    const { user } = await askBySession(request, reply, () => tokens.renew(session));
    requireShownUser(request, user);
    setCookie(reply, siteOf(request), 'session', session);
    return { user };
  });

  app.delete('/v1/sessions/current', async (request, reply) => {
    const session = readCookie(request, siteOf(request), 'session');
    if (session !== undefined) {
      requireOwnPage(request);
      const user = await tokens.forSession(session).then((held) => held.user, unlessEnded);
      if (user !== undefined) requireShownUser(request, user);
      await askIdentity(() => sessions.logOut({ session }));
    }
    forgetSession(request, reply);
    return reply.code(204).send();
  });

  app.get('/v1/sessions', async (request, reply): Promise<SessionsReply> => {
    const list = await askForCaller(request, reply, context, (options) => sessions.listSessions({}, options));
    return {
      sessions: list.sessions.map(({ id, createdAt, lastUsedAt, userAgent, address, current }) => ({
        id,
        createdAt,
        lastUsedAt,
        userAgent,
        address,
        current,
      })),
    };
  });

  app.delete<{ Params: Type.Static<typeof SessionParams> }>(
    '/v1/sessions/:id',
    { schema: { params: SessionParams } },
    async (request, reply) => {
      const { id } = request.params;
      const own = await askForCaller(request, reply, context, async (options, user) => {
        await sessions.endSession({ id }, options);
        return user.session;
      });
      if (id === own) forgetSession(request, reply);
      return reply.code(204).send();
    },
  );

  app.post<{ Body: EndAllSessionsRequest }>('/v1/sessions/end-all', { schema: { body: EndAllSessionsRequest } }, async (request, reply) => {
    const { keepCurrent } = request.body;
    await askForCaller(request, reply, context, (options) => sessions.endAllSessions({ keepCurrent }, options));
    if (!keepCurrent) forgetSession(request, reply);
    return reply.code(204).send();
  });

  /** The browser's session has ended: here it stops at once. Programs have none to forget. */
  function forgetSession(request: FastifyRequest, reply: FastifyReply): void {
    if (request.headers.authorization !== undefined) return;
    const site = siteOf(request);
    const session = readCookie(request, site, 'session');
    if (session !== undefined) tokens.forget(session);
    clearCookie(reply, site, 'session');
  }
}

/** What to do with a session that has ended already: nothing. */
function unlessEnded(error: unknown): undefined {
  if (isUnauthenticated(error)) return undefined;
  throw error;
}
