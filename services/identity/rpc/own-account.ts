import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { AccountsService } from '@starling/contracts/rpc';
import { requireRight, rpcUser } from '@starling/platform/rpc';
import type { UserIdentity } from '@starling/platform/tokens';
import type { Accounts } from '../store/accounts.ts';
import type { Codes } from '../store/codes.ts';
import type { FoundAccount } from '../store/credentials.ts';
import type { EmailChanges } from '../store/email-changes.ts';
import type { MailQueue } from '../store/mail-queue.ts';
import type { PasswordChanges } from '../store/password-changes.ts';
import type { Resets } from '../store/resets.ts';
import type { SecondFactorStore } from '../store/second-factors.ts';
import type { Sendings } from '../store/sendings.ts';
import type { Passwords } from './passwords.ts';
import { refuse } from './refuse.ts';
import { CODES_A_DAY } from './registration.ts';
import { requireEmail, requireNewPassword } from './requirements.ts';

export interface OwnAccountDeps {
  accounts: Accounts;
  secondFactors: Pick<SecondFactorStore, 'describe'>;
  passwords: Passwords;
  passwordChanges: PasswordChanges;
  emailChanges: EmailChanges;
  resets: Resets;
  codes: Codes;
  sendings: Sendings;
  queue: MailQueue;
  /** There is a mail server. */
  hasMail: boolean;
  wakeMailer(): void;
}

type OwnAccountCalls = Pick<
  ServiceImpl<typeof AccountsService>,
  'describeAccount' | 'changePassword' | 'requestEmailChange' | 'confirmEmailChange'
>;

/** What users do with their own email and password. */
export function ownAccountCalls(deps: OwnAccountDeps): OwnAccountCalls {
  const { accounts, secondFactors, passwords, passwordChanges, emailChanges, resets, codes, sendings, queue } = deps;

  async function describe(user: string): Promise<FoundAccount> {
    const account = await accounts.describe(user);
    if (!account) throw refuse('not-found');
    return account;
  }

  /** Counts a code by account and by address: one account mails nobody at will, and nobody is mailed at will. */
  async function countSending(user: string, email: string): Promise<() => Promise<void>> {
    const byAccount = await sendings.count(`account ${user}`, CODES_A_DAY);
    if (!byAccount.allowed) throw refuse('rate-limited', byAccount);
    const byEmail = await sendings.count(email, CODES_A_DAY);
    if (byEmail.allowed) return async () => void (await Promise.all([byAccount.undo(), byEmail.undo()]));
    await byAccount.undo();
    throw refuse('rate-limited', byEmail);
  }

  return {
    async describeAccount(_request, context) {
      const { user } = ownerOf(context);
      const { email, role, hasPassword } = await describe(user);
      const { totp, recoveryCodesLeft } = await secondFactors.describe(user);
      return { email, role, hasPassword, hasTotp: totp, recoveryCodesLeft };
    },

    async changePassword({ current, password, client }, context) {
      const { user, session } = ownerOf(context);
      requireNewPassword(password);
      await accounts.confirmPassword(user, current, client, context.signal);
      const passwordHash = await passwords.hashInTurn([user], context.signal, password);
      await passwordChanges.change(user, passwordHash, { exceptSession: session });
      return {};
    },

    async requestEmailChange({ password, email: wished, client }, context) {
      const { user } = ownerOf(context);
      const email = requireEmail(wished);
      await accounts.confirmPassword(user, password, client, context.signal);
      const account = await describe(user);
      if (email === account.email) throw refuse('invalid-request', { detail: 'This is the address of the account already.' });
      const undo = await countSending(user, email);
      try {
        const { subject: id, code, expiresAt } = await emailChanges.begin({ user, email, oldEmail: account.email });
        deps.wakeMailer();
        return { id, expiresAt, code: !deps.hasMail && client?.local ? code : '' };
      } catch (error) {
        await undo();
        throw error;
      }
    },

    async confirmEmailChange({ id, code }, context) {
      const { user } = ownerOf(context);
      const email = await emailChanges.find(user, id);
      if (email === undefined) throw refuse('code-expired');
      const right = await codes.check({ purpose: 'email-change', subject: id }, code);
      const { email: oldEmail } = await describe(user);
      const outcome = await accounts.changeEmail(user, email, async (tx) => {
        await codes.use(tx, right);
        await emailChanges.removeOf(tx, user);
        // They went to the old address.
        await resets.removeOf(tx, user);
        await queue.add(tx, { kind: 'email-changed', subject: null, email: oldEmail });
      });
      if (outcome === 'exists') throw refuse('account-exists');
      deps.wakeMailer();
      return {};
    },
  };
}

function ownerOf(context: HandlerContext): UserIdentity {
  const user = rpcUser(context);
  requireRight(user, 'account.use');
  return user;
}
