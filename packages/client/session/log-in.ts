import type { SecondFactorReply, SessionReply } from '@starling/contracts/http';

/** `code`: the second factor's, of an authenticator app or a recovery code; only for `auth` of kind `password`. */
export interface LogInCredentials {
  email: string;
  password: string;
  code?: string;
}

/** The user who is logged in now, or what the account wants besides. */
export type LogInResult = SessionReply | { secondFactor: SecondFactorReply };
