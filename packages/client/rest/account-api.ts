import type {
  AccountReply,
  AddPasskeyRequest,
  ChangePasswordRequest,
  CodeReply,
  ConfirmCodeRequest,
  EmailChangeRequest,
  Passkey,
  PasskeyChallengeReply,
  PasskeysReply,
  RecoveryCodesReply,
  SessionsReply,
  TotpReply,
} from '@starling/contracts/http';
import type { Request } from './request.ts';

/** What users do with their own accounts. `password` is always the present one, asked for again. */
export type AccountApi = ReturnType<typeof createAccountApi>;

/** @param changed hears what one logs in with from now on. */
export function createAccountApi(request: Request, changed: (credentials: { email?: string; password?: string }) => void) {
  /** The addresses that wait for their codes, by the ids of these. */
  const addresses = new Map<string, string>();

  async function get<T>(path: string): Promise<T> {
    return (await request<T>({ method: 'GET', path, repeatable: true })).body;
  }

  async function post<T>(path: string, body: unknown): Promise<T> {
    return (await request<T>({ method: 'POST', path, body })).body;
  }

  async function remove(path: string): Promise<void> {
    await request({ method: 'DELETE', path });
  }

  return {
    describe: (): Promise<AccountReply> => get('/v1/account'),

    /** Ends all other sessions. */
    changePassword: async (change: ChangePasswordRequest): Promise<void> => {
      await post('/v1/account/password', change);
      changed({ password: change.password });
    },

    /** Sends a code to the new address; `confirmEmailChange` with it makes the change. */
    requestEmailChange: async (change: EmailChangeRequest): Promise<CodeReply> => {
      const reply = await post<CodeReply>('/v1/account/email', change);
      addresses.set(reply.id, change.email);
      return reply;
    },

    confirmEmailChange: async (confirm: ConfirmCodeRequest): Promise<void> => {
      await post('/v1/account/email/confirm', confirm);
      const email = addresses.get(confirm.id);
      addresses.delete(confirm.id);
      if (email !== undefined) changed({ email });
    },

    /** The secret for an authenticator app; nothing is asked for until `confirmTotp` has seen that the app has it. */
    beginTotp: (password: string): Promise<TotpReply> => post('/v1/account/totp', { password }),
    confirmTotp: (code: string): Promise<RecoveryCodesReply> => post('/v1/account/totp/confirm', { code }),
    removeTotp: (password: string): Promise<void> => post('/v1/account/totp/remove', { password }),
    /** Those from before are void. */
    renewRecoveryCodes: (password: string): Promise<RecoveryCodesReply> => post('/v1/account/recovery-codes', { password }),

    listPasskeys: (): Promise<PasskeysReply> => get('/v1/account/passkeys'),
    /** What `navigator.credentials.create` is to be given, for `addPasskey`. */
    beginPasskey: (password: string): Promise<PasskeyChallengeReply> => post('/v1/account/passkeys/begin', { password }),
    addPasskey: (passkey: AddPasskeyRequest): Promise<Passkey> => post('/v1/account/passkeys', passkey),
    removePasskey: (id: string): Promise<void> => remove(`/v1/account/passkeys/${id}`),

    listSessions: (): Promise<SessionsReply> => get('/v1/sessions'),
    endSession: (id: string): Promise<void> => remove(`/v1/sessions/${id}`),
    endAllSessions: async (keepCurrent: boolean): Promise<void> => {
      await request({ method: 'POST', path: '/v1/sessions/end-all', body: { keepCurrent }, repeatable: true });
    },
  };
}
