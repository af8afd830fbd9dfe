import {
  type AccountReply,
  ChangePasswordRequest,
  type CodeReply,
  ConfirmCodeRequest,
  EmailChangeRequest,
  PasswordRequest,
  type RecoveryCodesReply,
  TotpCodeRequest,
  type TotpReply,
} from '@starling/contracts/http';
import type { FastifyInstance } from 'fastify';
import { clientOf } from '../sessions/visitor.ts';
import { askForCaller, type IdentityRoutesContext } from './context.ts';
import { codeReply } from './replies.ts';

/** What users do with their own accounts: password, email, second factor. */
export function accountRoutes(app: FastifyInstance, context: IdentityRoutesContext): void {
  const { accounts, secondFactor } = context.identity;

  app.get('/v1/account', async (request, reply): Promise<AccountReply> => {
    const account = await askForCaller(request, reply, context, (options) => accounts.describeAccount({}, options));
    const { email, role, hasPassword, hasTotp, recoveryCodesLeft } = account;
    return { email, role: role as AccountReply['role'], hasPassword, hasTotp, recoveryCodesLeft };
  });

  app.post<{ Body: ChangePasswordRequest }>('/v1/account/password', { schema: { body: ChangePasswordRequest } }, async (request, reply) => {
    const message = { ...request.body, client: clientOf(request) };
    await askForCaller(request, reply, context, (options) => accounts.changePassword(message, options));
    return reply.code(204).send();
  });

  app.post<{ Body: EmailChangeRequest }>(
    '/v1/account/email',
    { schema: { body: EmailChangeRequest } },
    async (request, reply): Promise<CodeReply> => {
      const message = { ...request.body, client: clientOf(request) };
      const sent = await askForCaller(request, reply, context, (options) => accounts.requestEmailChange(message, options));
      reply.code(202);
      return codeReply(sent);
    },
  );

  app.post<{ Body: ConfirmCodeRequest }>('/v1/account/email/confirm', { schema: { body: ConfirmCodeRequest } }, async (request, reply) => {
    await askForCaller(request, reply, context, (options) => accounts.confirmEmailChange(request.body, options));
    return reply.code(204).send();
  });

  app.post<{ Body: PasswordRequest }>(
    '/v1/account/totp',
    { schema: { body: PasswordRequest } },
    async (request, reply): Promise<TotpReply> => {
      const message = { ...request.body, client: clientOf(request) };
      const { secret, uri } = await askForCaller(request, reply, context, (options) => secondFactor.beginTotp(message, options));
      return { secret, uri };
    },
  );

  app.post<{ Body: TotpCodeRequest }>(
    '/v1/account/totp/confirm',
    { schema: { body: TotpCodeRequest } },
    async (request, reply): Promise<RecoveryCodesReply> => {
      const message = { ...request.body, client: clientOf(request) };
      const { codes } = await askForCaller(request, reply, context, (options) => secondFactor.confirmTotp(message, options));
      return { recoveryCodes: codes };
    },
  );

  app.post<{ Body: PasswordRequest }>('/v1/account/totp/remove', { schema: { body: PasswordRequest } }, async (request, reply) => {
    const message = { ...request.body, client: clientOf(request) };
    await askForCaller(request, reply, context, (options) => secondFactor.removeTotp(message, options));
    return reply.code(204).send();
  });

  app.post<{ Body: PasswordRequest }>(
    '/v1/account/recovery-codes',
    { schema: { body: PasswordRequest } },
    async (request, reply): Promise<RecoveryCodesReply> => {
      const message = { ...request.body, client: clientOf(request) };
      const { codes } = await askForCaller(request, reply, context, (options) => secondFactor.newRecoveryCodes(message, options));
      return { recoveryCodes: codes };
    },
  );
}
