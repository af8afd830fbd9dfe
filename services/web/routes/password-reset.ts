import { PasswordResetRequest, ResetPasswordRequest } from '@starling/contracts/http';
import type { FastifyInstance } from 'fastify';
import { askIdentity } from '../sessions/ask-identity.ts';
import { refuseOtherPages } from '../sessions/same-origin.ts';
import { clientOf } from '../sessions/visitor.ts';
import type { IdentityRoutesContext } from './context.ts';

/** The way back for who has forgotten the password. */
export function passwordResetRoutes(app: FastifyInstance, { identity: { accounts } }: IdentityRoutesContext): void {
  app.post<{ Body: PasswordResetRequest }>('/v1/password-reset', { schema: { body: PasswordResetRequest } }, async (request, reply) => {
    refuseOtherPages(request);
    await askIdentity(() => accounts.requestPasswordReset({ ...request.body, client: clientOf(request) }));
    return reply.code(202).send();
  });

  app.post<{ Body: ResetPasswordRequest }>(
    '/v1/password-reset/confirm',
    { schema: { body: ResetPasswordRequest } },
    async (request, reply) => {
      refuseOtherPages(request);
      await askIdentity(() => accounts.resetPassword({ ...request.body, client: clientOf(request) }));
      return reply.code(204).send();
    },
  );
}
