import type { CodeReply, EntryReply, LinkReply, PasskeyChallengeReply, ResetPasswordRequest } from '@starling/contracts/http';
import type { Request } from './request.ts';

/** The calls around logging in that need no session and begin none. */
export type EntryApi = ReturnType<typeof createEntryApi>;

export function createEntryApi(request: Request) {
  async function get<T>(path: string): Promise<T> {
    return (await request<T>({ method: 'GET', path, repeatable: true })).body;
  }

  async function post<T>(path: string, body?: unknown): Promise<T> {
    return (await request<T>({ method: 'POST', path, body })).body;
  }

  return {
    /** Who may register, whether there is a mail server, and who else vouches for people here. */
    entry: (): Promise<EntryReply> => get('/v1/entry'),

    /** A new code for a registration that `signUp` began: at most one a minute, and ten a day. */
    resendCode: (id: string): Promise<CodeReply> => post('/v1/accounts/resend', { id }),

    /** Sends a link to the account's owner; says nothing of whether there is such an account. */
    requestPasswordReset: (email: string): Promise<void> => post('/v1/password-reset', { email }),

    /** Ends all sessions of the account, and begins none. */
    resetPassword: (reset: ResetPasswordRequest): Promise<void> => post('/v1/password-reset/confirm', reset),

    /** What `navigator.credentials.get` is to be given, for `passkeyLogIn`. */
    beginPasskeyLogIn: (): Promise<PasskeyChallengeReply> => post('/v1/passkey-log-in/begin'),

    /** The sign-on that waits in this browser for `linkSignOn`. */
    waitingLink: (): Promise<LinkReply> => get('/v1/sign-on/link'),
  };
}
