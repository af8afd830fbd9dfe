import type { ConnectRouter, HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { isSystemRole } from '@starling/contracts/permissions';
import { AdministrationService } from '@starling/contracts/rpc';
import { requireRight, rpcUser } from '@starling/platform/rpc';
import type { Administration } from '../store/administration.ts';
import { refuse } from './refuse.ts';

const USERS_AT_MOST = 200;
const USERS_USUALLY = 50;

type Calls = ServiceImpl<typeof AdministrationService>;
/** The half about invites. */
export type InviteCalls = Pick<Calls, 'createInvite' | 'listInvites' | 'revokeInvite'>;

/** What owners and admins do with accounts and invites. */
export function administrationRpc(router: ConnectRouter, options: { administration: Administration; invites: InviteCalls }): void {
  const { administration, invites } = options;
  const accounts: Omit<Calls, keyof InviteCalls> = {
    async listUsers({ search, after, limit }, context) {
      administrator(context);
      return administration.list({ search, after, limit: Math.min(limit || USERS_USUALLY, USERS_AT_MOST) });
    },

    async setDisabled({ user, disabled }, context) {
      await administration.change(administrator(context), user, { disabled });
      return {};
    },

    async setRole({ user, role }, context) {
      const actor = administrator(context);
      if (!isSystemRole(role)) throw refuse('invalid-request', { detail: 'There is no such role.' });
      await administration.change(actor, user, { role });
      return {};
    },
  };
  router.service(AdministrationService, { ...accounts, ...invites });
}

function administrator(context: HandlerContext): string {
  const user = rpcUser(context);
  requireRight(user, 'accounts.administer');
  return user.user;
}
