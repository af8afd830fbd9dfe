import type { ConnectRouter, HandlerContext } from '@connectrpc/connect';
import { type PasswordRequest, SecondFactorService } from '@starling/contracts/rpc';
import { requireRight, rpcUser } from '@starling/platform/rpc';
import type { UserIdentity } from '@starling/platform/tokens';
import type { Accounts } from '../store/accounts.ts';
import type { SecondFactorStore } from '../store/second-factors.ts';
import { refuse } from './refuse.ts';

/** A user's own second factor. What is changed here keeps others out, or lets them in: each call asks for the password again. */
export function secondFactorRpc(
  router: ConnectRouter,
  deps: { accounts: Pick<Accounts, 'confirmPassword' | 'describe'>; secondFactors: SecondFactorStore },
): void {
  const { accounts, secondFactors } = deps;

  async function confirmed({ password, client }: PasswordRequest, context: HandlerContext): Promise<string> {
    const { user } = ownerOf(context);
    await accounts.confirmPassword(user, password, client, context.signal);
    return user;
  }

  router.service(SecondFactorService, {
    async beginTotp(request, context) {
      const user = await confirmed(request, context);
      const account = await accounts.describe(user);
      if (!account) throw refuse('not-found');
      return secondFactors.beginTotp(user, account.email);
    },

    // Without the password: the secret was given to who had it, minutes ago.
    async confirmTotp({ code }, context) {
      return { codes: await secondFactors.confirmTotp(ownerOf(context).user, code) };
    },

    async removeTotp(request, context) {
      await secondFactors.removeTotp(await confirmed(request, context));
      return {};
    },

    async newRecoveryCodes(request, context) {
      return { codes: await secondFactors.renewRecoveryCodes(await confirmed(request, context)) };
    },
  });
}

function ownerOf(context: HandlerContext): UserIdentity {
  const user = rpcUser(context);
  requireRight(user, 'account.use');
  return user;
}
