import Type from 'typebox';
import { SystemRole } from '../permissions/index.ts';
import { DisplayName, Timestamp, Uuid } from '../schema/index.ts';

const exact = { additionalProperties: false };
const Email = Type.String({ minLength: 3, maxLength: 254, format: 'email' });
const NewPassword = Type.String({ minLength: 10, maxLength: 128, format: 'text' });
const Password = Type.String({ minLength: 1, maxLength: 128, format: 'text' });
const Secret = Type.String({ minLength: 1, maxLength: 512, pattern: '^[\\w.~-]+$' });
/** Six digits; what people type around them is passed over by the client. */
const Code = Type.String({ pattern: '^\\d{6}$' });
const RecoveryCode = Type.String({ minLength: 6, maxLength: 32, pattern: '^[A-Za-z0-9-]+$' });

/** GET /v1/entry: what the entry page offers. */
export const EntryReply = Type.Object({
  registration: Type.Union([Type.Literal('open'), Type.Literal('invite'), Type.Literal('closed')]),
  /** There is a mail server, so that codes and links come by email. */
  mail: Type.Boolean(),
  providers: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
});
export type EntryReply = Type.Static<typeof EntryReply>;

/** POST /v1/accounts: begins a registration. */
export const SignUpRequest = Type.Object({ email: Email, password: NewPassword, name: DisplayName, invite: Type.Optional(Secret) }, exact);
export type SignUpRequest = Type.Static<typeof SignUpRequest>;

/**
 * A six-digit code is on its way; `id` names what it confirms. `code`: without a mail server, for a person at the machine
 * itself, who can read it in the server's log as well.
 */
export const CodeReply = Type.Object({ id: Uuid, expiresAt: Timestamp, code: Type.Optional(Code) });
export type CodeReply = Type.Static<typeof CodeReply>;

/** POST /v1/accounts/resend */
export const ResendRequest = Type.Object({ id: Uuid }, exact);
export type ResendRequest = Type.Static<typeof ResendRequest>;

/** POST /v1/accounts/confirm (ends a registration and logs in), POST /v1/account/email/confirm */
export const ConfirmCodeRequest = Type.Object({ id: Uuid, code: Code }, exact);
export type ConfirmCodeRequest = Type.Static<typeof ConfirmCodeRequest>;

/** POST /v1/sessions */
export const LogInRequest = Type.Object({ email: Email, password: Password }, exact);
export type LogInRequest = Type.Static<typeof LogInRequest>;

/** What a browser is told of its session; the session's token itself is in a cookie that scripts cannot read. */
export const SessionReply = Type.Object({ user: Uuid });
export type SessionReply = Type.Static<typeof SessionReply>;

/** Status 202 of POST /v1/sessions: the account wants a second factor, by POST /v1/sessions/second-factor. */
export const SecondFactorReply = Type.Object({
  challenge: Secret,
  methods: Type.Array(Type.Union([Type.Literal('totp'), Type.Literal('recovery-code'), Type.Literal('passkey')])),
  expiresAt: Timestamp,
});
export type SecondFactorReply = Type.Static<typeof SecondFactorReply>;

/** POST /v1/sessions/second-factor */
export const SecondFactorRequest = Type.Union([
  Type.Object({ challenge: Secret, method: Type.Literal('totp'), code: Code }, exact),
  Type.Object({ challenge: Secret, method: Type.Literal('recovery-code'), code: RecoveryCode }, exact),
]);
export type SecondFactorRequest = Type.Static<typeof SecondFactorRequest>;

/** POST /v1/token, for programs. `code`: the second factor's, where the account has one. */
export const IssueTokenRequest = Type.Object(
  { email: Email, password: Password, code: Type.Optional(Type.Union([Code, RecoveryCode])) },
  exact,
);
export type IssueTokenRequest = Type.Static<typeof IssueTokenRequest>;

/** POST /v1/token/refresh, POST /v1/token/revoke */
export const RefreshTokenRequest = Type.Object({ refreshToken: Secret }, exact);
export type RefreshTokenRequest = Type.Static<typeof RefreshTokenRequest>;

/** A user token, as JWT, and when it expires (ms). */
export const TokenReply = Type.Object({ user: Uuid, token: Type.String(), expiresAt: Timestamp });
export type TokenReply = Type.Static<typeof TokenReply>;

/** A user token with a refresh token, which is good once: each refresh gives another. */
export const IssuedTokensReply = Type.Object({
  user: Uuid,
  token: Type.String(),
  expiresAt: Timestamp,
  refreshToken: Type.String(),
  refreshExpiresAt: Timestamp,
});
export type IssuedTokensReply = Type.Static<typeof IssuedTokensReply>;

/** GET /v1/sessions */
export const SessionsReply = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id: Uuid,
      createdAt: Timestamp,
      lastUsedAt: Timestamp,
      /** What the browser or program calls itself; may be empty. */
      userAgent: Type.String(),
      address: Type.String(),
      current: Type.Boolean(),
    }),
  ),
});
export type SessionsReply = Type.Static<typeof SessionsReply>;

/** POST /v1/sessions/end-all */
export const EndAllSessionsRequest = Type.Object({ keepCurrent: Type.Boolean() }, exact);
export type EndAllSessionsRequest = Type.Static<typeof EndAllSessionsRequest>;

/** POST /v1/password-reset: the answer is the same whether there is such an account. */
export const PasswordResetRequest = Type.Object({ email: Email }, exact);
export type PasswordResetRequest = Type.Static<typeof PasswordResetRequest>;

/** POST /v1/password-reset/confirm; `token` is in the link that was mailed. */
export const ResetPasswordRequest = Type.Object({ token: Secret, password: NewPassword }, exact);
export type ResetPasswordRequest = Type.Static<typeof ResetPasswordRequest>;

/** GET /v1/account */
export const AccountReply = Type.Object({
  email: Type.String(),
  role: SystemRole,
  hasPassword: Type.Boolean(),
  hasTotp: Type.Boolean(),
  recoveryCodesLeft: Type.Integer(),
});
export type AccountReply = Type.Static<typeof AccountReply>;

/** POST /v1/account/password */
export const ChangePasswordRequest = Type.Object({ current: Password, password: NewPassword }, exact);
export type ChangePasswordRequest = Type.Static<typeof ChangePasswordRequest>;

/** POST /v1/account/email; the code goes to the new address. */
export const EmailChangeRequest = Type.Object({ password: Password, email: Email }, exact);
export type EmailChangeRequest = Type.Static<typeof EmailChangeRequest>;

/** POST /v1/account/totp, POST /v1/account/totp/remove, POST /v1/account/recovery-codes, POST /v1/account/passkeys/begin */
export const PasswordRequest = Type.Object({ password: Password }, exact);
export type PasswordRequest = Type.Static<typeof PasswordRequest>;

/** What an authenticator app is given; `uri` is otpauth://… */
export const TotpReply = Type.Object({ secret: Type.String(), uri: Type.String() });
export type TotpReply = Type.Static<typeof TotpReply>;

/** POST /v1/account/totp/confirm */
export const TotpCodeRequest = Type.Object({ code: Code }, exact);
export type TotpCodeRequest = Type.Static<typeof TotpCodeRequest>;

export const RecoveryCodesReply = Type.Object({ recoveryCodes: Type.Array(Type.String()) });
export type RecoveryCodesReply = Type.Static<typeof RecoveryCodesReply>;

/** What `navigator.credentials` is given, as JSON. */
export const PasskeyChallengeReply = Type.Object({ challenge: Uuid, options: Type.Unknown() });
export type PasskeyChallengeReply = Type.Static<typeof PasskeyChallengeReply>;

/** POST /v1/account/passkeys; `response` is what `navigator.credentials.create` gave, as JSON. */
export const AddPasskeyRequest = Type.Object(
  { challenge: Uuid, response: Type.Object({}, { additionalProperties: true }), name: DisplayName },
  exact,
);
export type AddPasskeyRequest = Type.Static<typeof AddPasskeyRequest>;

/** POST /v1/passkey-log-in; `response` is what `navigator.credentials.get` gave, as JSON. */
export const PasskeyLogInRequest = Type.Object({ challenge: Uuid, response: Type.Object({}, { additionalProperties: true }) }, exact);
export type PasskeyLogInRequest = Type.Static<typeof PasskeyLogInRequest>;

export const Passkey = Type.Object({ id: Uuid, name: Type.String(), createdAt: Timestamp });
export type Passkey = Type.Static<typeof Passkey>;

/** GET /v1/account/passkeys */
export const PasskeysReply = Type.Object({ passkeys: Type.Array(Passkey) });
export type PasskeysReply = Type.Static<typeof PasskeysReply>;

/** POST /v1/sign-on/link: the password of the account that has the provider's email. */
export const LinkSignOnRequest = Type.Object({ password: Password }, exact);
export type LinkSignOnRequest = Type.Static<typeof LinkSignOnRequest>;

/** GET /v1/sign-on/link: what waits to be linked in this browser. */
export const LinkReply = Type.Object({ email: Type.String(), provider: Type.String() });
export type LinkReply = Type.Static<typeof LinkReply>;

/** GET /v1/admin/users?search=&after=&limit= */
export const UserListQuery = Type.Object(
  {
    search: Type.Optional(Type.String({ maxLength: 80, format: 'text' })),
    after: Type.Optional(Uuid),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  },
  exact,
);
export type UserListQuery = Type.Static<typeof UserListQuery>;

export const UserListReply = Type.Object({
  users: Type.Array(
    Type.Object({
      id: Uuid,
      email: Type.String(),
      name: Type.String(),
      role: SystemRole,
      disabled: Type.Boolean(),
      createdAt: Timestamp,
      lastUsedAt: Type.Union([Timestamp, Type.Null()]),
    }),
  ),
  more: Type.Boolean(),
});
export type UserListReply = Type.Static<typeof UserListReply>;

/** PATCH /v1/admin/users/:id */
export const AccountChange = Type.Object(
  { role: Type.Optional(SystemRole), disabled: Type.Optional(Type.Boolean()) },
  { ...exact, minProperties: 1 },
);
export type AccountChange = Type.Static<typeof AccountChange>;

/** POST /v1/admin/invites */
export const InviteRequest = Type.Object(
  {
    email: Type.Optional(Email),
    role: Type.Union([Type.Literal('member'), Type.Literal('guest')]),
    uses: Type.Integer({ minimum: 1, maximum: 1000 }),
    expiresAt: Timestamp,
  },
  exact,
);
export type InviteRequest = Type.Static<typeof InviteRequest>;

const Invite = Type.Object({
  id: Uuid,
  email: Type.Union([Type.String(), Type.Null()]),
  role: SystemRole,
  usesLeft: Type.Integer(),
  expiresAt: Timestamp,
  createdBy: Uuid,
});

/** `link` is told this once. */
export const CreatedInviteReply = Type.Object({ invite: Invite, link: Type.String() });
export type CreatedInviteReply = Type.Static<typeof CreatedInviteReply>;

/** GET /v1/admin/invites */
export const InvitesReply = Type.Object({ invites: Type.Array(Invite) });
export type InvitesReply = Type.Static<typeof InvitesReply>;
