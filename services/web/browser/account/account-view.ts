/** The changes that have a form of their own. */
export type AccountView = 'email' | 'password' | 'totp' | 'recovery-codes' | 'remove-totp' | 'passkey';

export const VIEW_TITLES: Record<AccountView | 'overview', string> = {
  overview: 'Your account',
  email: 'Change email',
  password: 'Change password',
  totp: 'Set up an authenticator app',
  'recovery-codes': 'New recovery codes',
  'remove-totp': 'Turn off the authenticator app',
  passkey: 'Add a passkey',
};
