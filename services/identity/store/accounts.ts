import type { Logger } from '@starling/platform/telemetry';
import { type APIError, isAPIError } from 'better-auth/api';
import type pg from 'pg';
import { createBetterAuth } from './better-auth.ts';

/** A session that was begun; `token` is its secret. */
export interface BegunSession {
  token: string;
  user: string;
}

/** A session that is alive; `id` names it and is no secret. */
export interface LiveSession {
  id: string;
  user: string;
}

/** Accounts with email and password, and their sessions. A session lives 30 days from its last use, taken to the day. */
export interface Accounts {
  /** Makes user, account and session, all or nothing, and with them the fact `user.created`. */
  signUp(account: { email: string; password: string; name: string }): Promise<BegunSession | 'exists' | 'unacceptable'>;
  /** Begins a session; undefined, after the same time, when the password is wrong and when there is no such account. */
  logIn(credentials: { email: string; password: string }): Promise<BegunSession | undefined>;
  /** Finds a session that has not ended, and counts this as its use. */
  useSession(token: string): Promise<LiveSession | undefined>;
  /** The session ends at that time (ms) at the latest. */
  limitSession(token: string, endsAt: number): Promise<void>;
  endSession(token: string): Promise<void>;
  /** Removes sessions that have ended by themselves. */
  sweepSessions(): Promise<void>;
}

/** What Better Auth generates; anything else it might take for a signed cookie. */
const SESSION_TOKEN = /^[A-Za-z0-9]{32}$/;

export function createAccounts(options: { db: pg.Pool; secret: string; logger: Logger }): Accounts {
  const { db } = options;
  const auth = createBetterAuth(options);

  return {
    async signUp({ email, password, name }) {
      try {
        const { token, user } = await auth.api.signUpEmail({ body: { email, password, name } });
        if (!token) throw new Error('a sign-up began no session');
        return { token, user: user.id };
      } catch (error) {
        if (!isAPIError(error)) throw error;
        const code = error.body?.code;
        if (code === 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL') return 'exists';
        // Better Auth hides why the insert failed: someone was quicker with the same email, or the database is away.
        if (code === 'FAILED_TO_CREATE_USER') {
          if (await hasUser(db, email)) return 'exists';
          throw new AccountsUnavailable('the user could not be written');
        }
        if (isRefusal(error)) return 'unacceptable';
        throw error;
      }
    },

    async logIn({ email, password }) {
      try {
        const { token, user } = await auth.api.signInEmail({ body: { email, password } });
        return { token, user: user.id };
      } catch (error) {
        if (isAPIError(error) && isRefusal(error) && error.body?.code !== 'FAILED_TO_CREATE_SESSION') return undefined;
        throw error;
      }
    },

    async useSession(token) {
      if (!SESSION_TOKEN.test(token)) return undefined;
      try {
        const found = await auth.api.getSession({ headers: new Headers({ authorization: `Bearer ${token}` }) });
        return found ? { id: found.session.id, user: found.session.userId } : undefined;
      } catch (error) {
        if (!isAPIError(error)) throw error;
        // The session ended between being found and being prolonged; every other cause is the database.
        if (error.statusCode === 401) return undefined;
        throw new AccountsUnavailable('the session could not be read');
      }
    },

    async limitSession(token, endsAt) {
      await db.query('UPDATE session SET "expiresAt" = least("expiresAt", to_timestamp($2::float8 / 1000)) WHERE token = $1', [
        token,
        endsAt,
      ]);
    },

    async endSession(token) {
      const { internalAdapter } = await auth.$context;
      // Not by the API's signOut: that answers success even when the database could not be reached.
      await internalAdapter.deleteSession(token);
    },

    async sweepSessions() {
      await db.query('DELETE FROM session WHERE "expiresAt" < now()');
    },
  };
}

/** Better Auth hid the cause; it is most likely the database, and trying again is right. */
export class AccountsUnavailable extends Error {
  override name = 'AccountsUnavailable';
}

function isRefusal(error: APIError): boolean {
  return error.statusCode >= 400 && error.statusCode < 500;
}

async function hasUser(db: pg.Pool, email: string): Promise<boolean> {
  const { rowCount } = await db.query('SELECT FROM "user" WHERE email = $1', [email.toLowerCase()]);
  return rowCount === 1;
}
