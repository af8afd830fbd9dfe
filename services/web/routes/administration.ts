import {
  AccountChange,
  type CreatedInviteReply,
  InviteRequest,
  type InvitesReply,
  UserListQuery,
  type UserListReply,
} from '@starling/contracts/http';
import type { SystemRole } from '@starling/contracts/permissions';
import type { Invite } from '@starling/contracts/rpc';
import { Uuid } from '@starling/contracts/schema';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { siteOf } from '../sessions/visitor.ts';
import { askForCaller, type IdentityRoutesContext } from './context.ts';

const IdParams = Type.Object({ id: Uuid });
type IdParams = Type.Static<typeof IdParams>;

/** What owners and admins do with accounts and invites. Identity judges who may. */
export function administrationRoutes(app: FastifyInstance, context: IdentityRoutesContext): void {
  const { administration } = context.identity;

  app.get<{ Querystring: UserListQuery }>(
    '/v1/admin/users',
    { schema: { querystring: UserListQuery } },
    async (request, reply): Promise<UserListReply> => {
      const { users, more } = await askForCaller(request, reply, context, (options) => administration.listUsers(request.query, options));
      return {
        users: users.map(({ id, email, name, role, disabled, createdAt, lastUsedAt }) => ({
          id,
          email,
          name,
          role: role as SystemRole,
          disabled,
          createdAt,
          lastUsedAt: lastUsedAt === 0 ? null : lastUsedAt,
        })),
        more,
      };
    },
  );

  app.patch<{ Params: IdParams; Body: AccountChange }>(
    '/v1/admin/users/:id',
    { schema: { params: IdParams, body: AccountChange } },
    async (request, reply) => {
      const { id: user } = request.params;
      const { role, disabled } = request.body;
      if (role !== undefined) await askForCaller(request, reply, context, (options) => administration.setRole({ user, role }, options));
      if (disabled !== undefined)
        await askForCaller(request, reply, context, (options) => administration.setDisabled({ user, disabled }, options));
      return reply.code(204).send();
    },
  );

  app.get('/v1/admin/invites', async (request, reply): Promise<InvitesReply> => {
    const { invites } = await askForCaller(request, reply, context, (options) => administration.listInvites({}, options));
    return { invites: invites.map(inviteReply) };
  });

  app.post<{ Body: InviteRequest }>(
    '/v1/admin/invites',
    { schema: { body: InviteRequest } },
    async (request, reply): Promise<CreatedInviteReply> => {
      const { invite, token } = await askForCaller(request, reply, context, (options) =>
        administration.createInvite(request.body, options),
      );
      if (!invite) throw new Error('identity answered with no invite');
      reply.code(201);
      // Only who asks is told the link, so that without a configured address the one that he asks under will do.
      return { invite: inviteReply(invite), link: `${context.publicOrigin ?? siteOf(request).origin}/invite#${token}` };
    },
  );

  app.delete<{ Params: IdParams }>('/v1/admin/invites/:id', { schema: { params: IdParams } }, async (request, reply) => {
    const { id } = request.params;
    await askForCaller(request, reply, context, (options) => administration.revokeInvite({ id }, options));
    return reply.code(204).send();
  });
}

function inviteReply({ id, email, role, usesLeft, expiresAt, createdBy }: Invite): CreatedInviteReply['invite'] {
  return { id, email: email === '' ? null : email, role: role as SystemRole, usesLeft, expiresAt, createdBy };
}
