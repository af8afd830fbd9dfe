import type pg from 'pg';
import { refuse } from '../rpc/refuse.ts';
import type { Accounts } from './accounts.ts';
import type { EmailChanges } from './email-changes.ts';
import type { MailQueue } from './mail-queue.ts';
import type { Resets } from './resets.ts';

/** New passwords, and all that one puts an end to. */
export interface PasswordChanges {
  /**
   * Sets the password, ends the user's sessions but that one, voids links for a new password and a change of email that
   * is not confirmed (whoever began them may have known the old password), and mails a note: one transaction.
   * `before` runs first in it. Throws refuse('not-found') when the user is gone.
   */
  change(
    user: string,
    passwordHash: string,
    options?: { exceptSession?: string; before?: (tx: pg.PoolClient) => Promise<void> },
  ): Promise<void>;
}

/** `wakeMailer`: called after the commit. */
export function createPasswordChanges(options: {
  accounts: Pick<Accounts, 'describe' | 'setPassword'>;
  resets: Resets;
  emailChanges: EmailChanges;
  queue: MailQueue;
  wakeMailer(): void;
}): PasswordChanges {
  const { accounts, resets, emailChanges, queue, wakeMailer } = options;
  return {
    async change(user, passwordHash, { exceptSession, before } = {}) {
      const account = await accounts.describe(user);
      if (!account) throw refuse('not-found');
      await accounts.setPassword(user, passwordHash, {
        ...(exceptSession === undefined ? {} : { exceptSession }),
        async before(tx) {
          await before?.(tx);
          await resets.removeOf(tx, user);
          await emailChanges.removeOf(tx, user);
          await queue.add(tx, { kind: 'password-changed', subject: null, email: account.email });
        },
      });
      wakeMailer();
    },
  };
}
