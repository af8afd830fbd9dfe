import {
  type CodeReply,
  ConfirmCodeRequest,
  type EntryReply,
  ResendRequest,
  type SessionReply,
  SignUpRequest,
} from '@starling/contracts/http';
import type { FastifyInstance } from 'fastify';
import { askIdentity } from '../sessions/ask-identity.ts';
import { refuseOtherPages } from '../sessions/same-origin.ts';
import { clientOf } from '../sessions/visitor.ts';
import type { IdentityRoutesContext } from './context.ts';
import { beginSession, codeReply } from './replies.ts';
import { returnOriginOf } from './sign-on.ts';

/** What the entry page offers, and making an account. */
export function accountsRoutes(app: FastifyInstance, { identity: { accounts }, publicOrigin }: IdentityRoutesContext): void {
  app.get('/v1/entry', async (request): Promise<EntryReply> => {
    const { registration, mail, providers } = await askIdentity(() => accounts.describeEntry({}));
    // No provider could send anybody back to a site whose address it is not told.
    const reachable = returnOriginOf(request, publicOrigin) === undefined ? [] : providers;
    return {
      registration: registration as EntryReply['registration'],
      mail,
      providers: reachable.map(({ id, name }) => ({ id, name })),
    };
  });

  app.post<{ Body: SignUpRequest }>('/v1/accounts', { schema: { body: SignUpRequest } }, async (request, reply): Promise<CodeReply> => {
    refuseOtherPages(request);
    const sent = await askIdentity(() => accounts.register({ ...request.body, client: clientOf(request) }));
    reply.code(202);
    return codeReply(sent);
  });

  app.post<{ Body: ResendRequest }>(
    '/v1/accounts/resend',
    { schema: { body: ResendRequest } },
    async (request, reply): Promise<CodeReply> => {
      refuseOtherPages(request);
      const sent = await askIdentity(() => accounts.resendRegistrationCode({ ...request.body, client: clientOf(request) }));
      reply.code(202);
      return codeReply(sent);
    },
  );

  app.post<{ Body: ConfirmCodeRequest }>(
    '/v1/accounts/confirm',
    { schema: { body: ConfirmCodeRequest } },
    async (request, reply): Promise<SessionReply> => {
      refuseOtherPages(request);
      const begun = await askIdentity(() => accounts.confirmRegistration({ ...request.body, client: clientOf(request) }));
      return beginSession(request, reply, begun);
    },
  );
}
