import type { ConnectRouter } from '@connectrpc/connect';
import { AccountsService } from '@starling/contracts/rpc';
import { type OwnAccountDeps, ownAccountCalls } from './own-account.ts';
import { type PasswordResetDeps, passwordResetCalls } from './password-reset.ts';
import { type RegistrationDeps, registrationCalls } from './registration.ts';

/** Making accounts, and what belongs to them. */
export function accountsRpc(router: ConnectRouter, deps: RegistrationDeps & PasswordResetDeps & OwnAccountDeps): void {
  router.service(AccountsService, { ...registrationCalls(deps), ...passwordResetCalls(deps), ...ownAccountCalls(deps) });
}
