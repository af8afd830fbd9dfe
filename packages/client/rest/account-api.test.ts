import { describe, expect, it } from 'vitest';
import { type Client, createClient } from '../client.ts';

const ID = '0198c0de-0000-7000-8000-000000000001';

/** A page's client whose server answers anything with this, and the calls that reached it: method, path and body. */
function listen(answer: unknown) {
  const calls: unknown[] = [];
  const client = createClient({
    baseUrl: 'http://starling.test',
    auth: { kind: 'cookie' },
    fetch: async (input, init) => {
      const { pathname } = new URL(String(input));
      calls.push([`${init?.method} ${pathname}`, init?.body ? JSON.parse(String(init.body)) : undefined]);
      return answer === undefined ? new Response(null, { status: 204 }) : Response.json(answer);
    },
  });
  return { client, calls };
}

const code = { id: ID, expiresAt: 1, code: '123456' };
const challenge = { challenge: ID, options: {} };
const passkey = { id: ID, name: 'Laptop', createdAt: 1 };
const password = 'correct horse';

describe('calls about accounts', () => {
  it.each<[call: (client: Client) => Promise<unknown>, route: string, body: unknown, answer: unknown]>([
    [(client) => client.entry(), 'GET /v1/entry', undefined, { registration: 'open', mail: false, providers: [] }],
    [(client) => client.resendCode(ID), 'POST /v1/accounts/resend', { id: ID }, code],
    [(client) => client.requestPasswordReset('a@b.example'), 'POST /v1/password-reset', { email: 'a@b.example' }, undefined],
    [(client) => client.resetPassword({ token: 't', password }), 'POST /v1/password-reset/confirm', { token: 't', password }, undefined],
    [(client) => client.beginPasskeyLogIn(), 'POST /v1/passkey-log-in/begin', undefined, challenge],
    [
      (client) => client.passkeyLogIn({ challenge: ID, response: { a: 1 } }),
      'POST /v1/passkey-log-in',
      { challenge: ID, response: { a: 1 } },
      { user: ID },
    ],
    [(client) => client.waitingLink(), 'GET /v1/sign-on/link', undefined, { email: 'a@b.example', provider: 'Example' }],
    [(client) => client.linkSignOn(password), 'POST /v1/sign-on/link', { password }, { user: ID }],
    [(client) => client.account.describe(), 'GET /v1/account', undefined, { email: 'a@b.example' }],
    [
      (client) => client.account.changePassword({ current: 'old', password }),
      'POST /v1/account/password',
      { current: 'old', password },
      undefined,
    ],
    [
      (client) => client.account.requestEmailChange({ password, email: 'a@b.example' }),
      'POST /v1/account/email',
      { password, email: 'a@b.example' },
      code,
    ],
    [
      (client) => client.account.confirmEmailChange({ id: ID, code: '123456' }),
      'POST /v1/account/email/confirm',
      { id: ID, code: '123456' },
      undefined,
    ],
    [(client) => client.account.beginTotp(password), 'POST /v1/account/totp', { password }, { secret: 's', uri: 'otpauth://totp/s' }],
    [(client) => client.account.confirmTotp('123456'), 'POST /v1/account/totp/confirm', { code: '123456' }, { recoveryCodes: ['a'] }],
    [(client) => client.account.removeTotp(password), 'POST /v1/account/totp/remove', { password }, undefined],
    [(client) => client.account.renewRecoveryCodes(password), 'POST /v1/account/recovery-codes', { password }, { recoveryCodes: ['a'] }],
    [(client) => client.account.listPasskeys(), 'GET /v1/account/passkeys', undefined, { passkeys: [passkey] }],
    [(client) => client.account.beginPasskey(password), 'POST /v1/account/passkeys/begin', { password }, challenge],
    [
      (client) => client.account.addPasskey({ challenge: ID, response: { a: 1 }, name: 'Laptop' }),
      'POST /v1/account/passkeys',
      { challenge: ID, response: { a: 1 }, name: 'Laptop' },
      passkey,
    ],
    [(client) => client.account.removePasskey(ID), `DELETE /v1/account/passkeys/${ID}`, undefined, undefined],
    [(client) => client.account.listSessions(), 'GET /v1/sessions', undefined, { sessions: [] }],
    [(client) => client.account.endSession(ID), `DELETE /v1/sessions/${ID}`, undefined, undefined],
    [(client) => client.account.endAllSessions(true), 'POST /v1/sessions/end-all', { keepCurrent: true }, undefined],
  ])('%o', async (call, route, body, answer) => {
    const { client, calls } = listen(answer);
    expect(await call(client)).toEqual(answer);
    expect(calls).toEqual([[route, body]]);
  });

  it('are those that begin a session where the answer says so, and say what is wanted where not', async () => {
    const wanted = { challenge: 'c', methods: ['totp'], expiresAt: 1 };
    const { client } = listen(wanted);
    expect(await client.linkSignOn(password)).toEqual({ secondFactor: wanted });
    expect(await client.logIn({ email: 'a@b.example', password })).toEqual({ secondFactor: wanted });
  });
});
