import type { SystemRole } from '@starling/contracts/permissions';
import { isUniqueViolation } from '@starling/platform/db';
import type pg from 'pg';
import type { ClientContext } from '../domain/client-context.ts';
import type { Begun } from '../domain/log-in.ts';
import type { BetterAuth } from './better-auth.ts';
import type { Credentials } from './credentials.ts';
import type { Sessions } from './sessions.ts';

/** An account to be made; its email has been verified. One of `passwordHash` and `signOn` is there, or both. */
export interface NewAccount {
  email: string;
  name: string;
  role: SystemRole;
  /** As hashInTurn made it. */
  passwordHash?: string;
  /** The account at an OpenID provider: (iss, sub). */
  signOn?: { issuer: string; subject: string };
}

/** Accounts with email and password. Emails are compared in lower case. */
export interface Accounts extends Credentials {
  /**
   * Makes user, account and session, and with them the fact `user.created`, in one transaction. `before` runs first in
   * that transaction (to use up a code or an invite); when it throws, nothing is made. `exists`: nor then.
   */
  create(account: NewAccount, client: ClientContext | undefined, before?: (tx: pg.PoolClient) => Promise<void>): Promise<Begun | 'exists'>;
  /**
   * Sets the password (`passwordHash` as hashInTurn made it) and ends the user's sessions but that one. `before` as in
   * `create`, with the user locked: of two changes of one account the second waits before it touches anything.
   */
  setPassword(
    user: string,
    passwordHash: string,
    options?: { exceptSession?: string; before?: (tx: pg.PoolClient) => Promise<void> },
  ): Promise<void>;
  /** `before` as in `setPassword`. */
  changeEmail(user: string, email: string, before?: (tx: pg.PoolClient) => Promise<void>): Promise<'done' | 'exists'>;
}

/** Better Auth asks for it; nothing here reads it. */
const PROVISIONING = { method: 'email-password' } as const;

/** `stated`: called after the commit of what writes facts, so that they are sent at once. */
export function createAccounts(options: { auth: BetterAuth; sessions: Sessions; credentials: Credentials; stated(): void }): Accounts {
  const { auth, sessions, credentials, stated } = options;

  return {
    ...credentials,

    async create(account, client, before) {
      try {
        const { session, user, device } = await auth.transaction(async (tx, records) => {
          await before?.(tx);
          const { email, name, role } = account;
          const { id: userId } = await records.createUser({ email, name, role, emailVerified: true }, PROVISIONING);
          for (const { providerId, accountId, password } of accountsOf(account, userId))
            await records.createAccount({ userId, providerId, accountId, ...(password === undefined ? {} : { password }) });
          return sessions.beginWithin(tx, userId, client);
        });
        stated();
        return { session, user, device };
      } catch (error) {
        if (isUniqueViolation(error, 'user_email_unique') || isUniqueViolation(error, 'account_unique')) return 'exists';
        throw error;
      }
    },

    async setPassword(user, passwordHash, { exceptSession, before } = {}) {
      await auth.transaction(async (tx, records) => {
        // Who logs in with the old password meanwhile was there before, and is ended below, or waits and is refused.
        await lock(tx, user);
        await before?.(tx);
        if (await records.findCredentialAccount(user)) await records.updatePassword(user, passwordHash);
        else await records.createAccount({ userId: user, providerId: 'credential', accountId: user, password: passwordHash });
        await tx.query('DELETE FROM session WHERE "userId" = $1 AND id IS DISTINCT FROM $2::uuid', [user, exceptSession]);
        // Of log-ins with the old password that wait for their second factor.
        await tx.query('DELETE FROM second_factor_challenge WHERE user_id = $1', [user]);
      });
      stated();
    },

    async changeEmail(user, email, before) {
      try {
        await auth.transaction(async (tx, records) => {
          await lock(tx, user);
          await before?.(tx);
          await records.updateUser(user, { email: email.toLowerCase(), emailVerified: true });
        });
        return 'done';
      } catch (error) {
        if (isUniqueViolation(error, 'user_email_unique')) return 'exists';
        throw error;
      }
    },
  };
}

async function lock(tx: pg.PoolClient, user: string): Promise<void> {
  await tx.query('SELECT FROM "user" WHERE id = $1 FOR NO KEY UPDATE', [user]);
}

function accountsOf({ passwordHash, signOn }: NewAccount, user: string): { providerId: string; accountId: string; password?: string }[] {
  return [
    ...(passwordHash === undefined ? [] : [{ providerId: 'credential', accountId: user, password: passwordHash }]),
    ...(signOn === undefined ? [] : [{ providerId: signOn.issuer, accountId: signOn.subject }]),
  ];
}
