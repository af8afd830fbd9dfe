import type { HandlerContext } from '@connectrpc/connect';
import type { Clock } from '@starling/platform/clock';
import { requireRight, rpcUser } from '@starling/platform/rpc';
import type { Invites } from '../store/invites.ts';
import type { InviteCalls } from './administration.ts';
import { refuse } from './refuse.ts';
import { requireEmail } from './requirements.ts';

const USES_AT_MOST = 1_000;
const LIFE_AT_MOST_MS = 366 * 86_400_000;

/** Invite links, which owners and admins make. */
export function inviteCalls({ invites, clock }: { invites: Invites; clock: Clock }): InviteCalls {
  return {
    async createInvite({ email, role, uses, expiresAt }, context) {
      const createdBy = administrator(context);
      if (role !== 'member' && role !== 'guest') throw refuse('invalid-request', { detail: 'An invite makes members or guests.' });
      if (uses < 1 || uses > USES_AT_MOST) throw refuse('invalid-request', { detail: `An invite has 1 to ${USES_AT_MOST} uses.` });
      const life = expiresAt - clock.now();
      if (!(life > 0 && life <= LIFE_AT_MOST_MS))
        throw refuse('invalid-request', { detail: 'An invite expires in the future, within a year.' });
      return invites.create({ email: email === '' ? '' : requireEmail(email), role, uses, expiresAt, createdBy });
    },

    async listInvites(_request, context) {
      administrator(context);
      return { invites: await invites.list() };
    },

    async revokeInvite({ id }, context) {
      administrator(context);
      if (!(await invites.revoke(id))) throw refuse('not-found');
      return {};
    },
  };
}

function administrator(context: HandlerContext): string {
  const user = rpcUser(context);
  requireRight(user, 'accounts.administer');
  return user.user;
}
