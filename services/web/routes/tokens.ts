import { type IssuedTokensReply, IssueTokenRequest, RefreshTokenRequest, type TokenReply } from '@starling/contracts/http';
import type { IssuedTokens } from '@starling/contracts/rpc';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { askIdentity } from '../sessions/ask-identity.ts';
import { askBySession, requireSession, requireShownUser } from '../sessions/authenticate.ts';
import { verifyMinted } from '../sessions/keys-differ.ts';
import { refusePages, requireOwnPage } from '../sessions/same-origin.ts';
import { clientOf, pageOriginOf, tellDevice } from '../sessions/visitor.ts';
import type { IdentityRoutesContext } from './context.ts';

/** Tokens in the hands of clients: of programs, which log in by them, and of pages for their sockets. */
export function tokensRoutes(app: FastifyInstance, { identity: { sessions }, gate }: IdentityRoutesContext): void {
  app.post<{ Body: IssueTokenRequest }>(
    '/v1/token',
    { schema: { body: IssueTokenRequest } },
    async (request, reply): Promise<IssuedTokensReply> => {
      refusePages(request);
      return answer(reply, await askIdentity(() => sessions.issueToken({ ...request.body, client: clientOf(request) })));
    },
  );

  app.post<{ Body: RefreshTokenRequest }>(
    '/v1/token/refresh',
    { schema: { body: RefreshTokenRequest } },
    async (request, reply): Promise<IssuedTokensReply> => {
      refusePages(request);
      return answer(reply, await askIdentity(() => sessions.refreshToken({ ...request.body, client: clientOf(request) })));
    },
  );

  app.post<{ Body: RefreshTokenRequest }>('/v1/token/revoke', { schema: { body: RefreshTokenRequest } }, async (request, reply) => {
    refusePages(request);
    await askIdentity(() => sessions.revokeRefreshToken({ ...request.body, client: clientOf(request) }));
    return reply.code(204).send();
  });

  app.post('/v1/socket-token', async (request, reply): Promise<TokenReply> => {
    const session = requireSession(request);
    requireOwnPage(request);
    const origin = pageOriginOf(request);
    const { user, token, expiresAt } = await askBySession(request, reply, () =>
      askIdentity(() => sessions.mintToken({ session, origin, socket: true })),
    );
    requireShownUser(request, user);
    await verifyMinted(gate, token);
    return { user, token, expiresAt };
  });

  async function answer(reply: FastifyReply, issued: IssuedTokens): Promise<IssuedTokensReply> {
    const { user, token, expiresAt, refreshToken, refreshExpiresAt, device } = issued;
    await verifyMinted(gate, token);
    tellDevice(reply, device);
    return { user, token, expiresAt, refreshToken, refreshExpiresAt };
  }
}
