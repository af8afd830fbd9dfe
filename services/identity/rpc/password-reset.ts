import type { ServiceImpl } from '@connectrpc/connect';
import type { AccountsService } from '@starling/contracts/rpc';
import type { PasswordChanges } from '../store/password-changes.ts';
import type { Resets } from '../store/resets.ts';
import type { Sendings } from '../store/sendings.ts';
import type { Throttle } from '../store/throttle.ts';
import type { Passwords } from './passwords.ts';
import { refuse } from './refuse.ts';
import { requireEmail, requireNewPassword } from './requirements.ts';

/** Of one address; how often one account is mailed is limited where the mail is made. */
const BY_ADDRESS = { capacity: 30, refillSeconds: 60 };
/** Of one address for one email: fewer than the account has, so that it does not use them up. */
const TO_ONE_A_DAY = 3;

export interface PasswordResetDeps {
  resets: Resets;
  passwordChanges: PasswordChanges;
  sendings: Sendings;
  throttle: Throttle;
  passwords: Passwords;
}

type PasswordResetCalls = Pick<ServiceImpl<typeof AccountsService>, 'requestPasswordReset' | 'resetPassword'>;

/** The way back for who has forgotten the password. It begins no session, so that a second factor stays in force. */
export function passwordResetCalls({ resets, passwordChanges, sendings, throttle, passwords }: PasswordResetDeps): PasswordResetCalls {
  return {
    async requestPasswordReset({ email, client }) {
      const address = requireEmail(email);
      if (client && !client.local && client.address !== '') {
        const taken = await throttle.take(`password resets by address ${client.address}`, BY_ADDRESS);
        if (!taken.allowed) throw refuse('rate-limited', taken);
        const sending = await sendings.count(`reset ${address} by ${client.address}`, TO_ONE_A_DAY);
        if (!sending.allowed) throw refuse('rate-limited', sending);
      }
      // The mailer finds it by itself: woken, it would be at work while the next is answered, and for accounts only.
      await resets.wish(address);
      return {};
    },

    async resetPassword({ token, password }, context) {
      requireNewPassword(password);
      const reset = await resets.find(token);
      const passwordHash = await passwords.hashInTurn([reset.user], context.signal, password);
      await passwordChanges.change(reset.user, passwordHash, { before: (tx) => resets.use(tx, reset) });
      return {};
    },
  };
}
