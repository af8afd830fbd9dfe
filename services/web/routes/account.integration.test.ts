import { randomUUID } from 'node:crypto';
import { Code } from '@connectrpc/connect';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { CODE, PASSWORD, refusal } from '../test-fake-identity.ts';
import { cookieOf, ORIGIN, OWN_PAGE, problemOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
beforeEach(() => site.reset());
afterAll(() => site.stop());

const id = randomUUID();
const sent = { id: expect.any(String), expiresAt: 1_900_000_000_000 };
const invite = {
  id: expect.any(String),
  email: null,
  role: 'guest',
  usesLeft: 3,
  expiresAt: 1_900_000_000_000,
  createdBy: expect.any(String),
};
const client = { local: true, address: '' };

/** What a page of the user asks, what identity is asked on the user's behalf for it, and what the page is answered. */
const CALLS: [InjectOptions['method'], string, object | undefined, string, object, number, unknown][] = [
  [
    'GET',
    '/v1/account',
    undefined,
    'describeAccount',
    {},
    200,
    { email: 'ada@example.org', role: 'owner', hasPassword: true, hasTotp: true, recoveryCodesLeft: 7 },
  ],
  [
    'POST',
    '/v1/account/password',
    { current: PASSWORD, password: 'another long password' },
    'changePassword',
    { current: PASSWORD, password: 'another long password', client },
    204,
    '',
  ],
  [
    'POST',
    '/v1/account/email',
    { password: PASSWORD, email: 'new@example.org' },
    'requestEmailChange',
    { password: PASSWORD, email: 'new@example.org', client },
    202,
    sent,
  ],
  ['POST', '/v1/account/email/confirm', { id, code: CODE }, 'confirmEmailChange', { id, code: CODE }, 204, ''],
  [
    'POST',
    '/v1/account/totp',
    { password: PASSWORD },
    'beginTotp',
    { password: PASSWORD, client },
    200,
    { secret: 'ABCDEFGH', uri: 'otpauth://totp/x' },
  ],
  ['POST', '/v1/account/totp/confirm', { code: CODE }, 'confirmTotp', { code: CODE, client }, 200, { recoveryCodes: ['one', 'two'] }],
  ['POST', '/v1/account/totp/remove', { password: PASSWORD }, 'removeTotp', { password: PASSWORD, client }, 204, ''],
  [
    'POST',
    '/v1/account/recovery-codes',
    { password: PASSWORD },
    'newRecoveryCodes',
    { password: PASSWORD, client },
    200,
    { recoveryCodes: ['three'] },
  ],
  [
    'GET',
    '/v1/account/passkeys',
    undefined,
    'listPasskeys',
    {},
    200,
    { passkeys: [{ id: expect.any(String), name: 'key', createdAt: 5 }] },
  ],
  [
    'POST',
    '/v1/account/passkeys/begin',
    { password: PASSWORD },
    'beginPasskey',
    { password: PASSWORD, origin: ORIGIN, client },
    200,
    { challenge: expect.any(String), options: { rp: { id: 'localhost' } } },
  ],
  [
    'POST',
    '/v1/account/passkeys',
    { challenge: id, response: { a: [1] }, name: 'Key' },
    'addPasskey',
    { challenge: id, response: '{"a":[1]}', name: 'Key' },
    201,
    { id: expect.any(String), name: 'Key', createdAt: 5 },
  ],
  ['DELETE', `/v1/account/passkeys/${id}`, undefined, 'removePasskey', { id }, 204, ''],
  [
    'GET',
    `/v1/admin/users?search=a&after=${id}&limit=7`,
    undefined,
    'listUsers',
    { search: 'a', after: id, limit: 7 },
    200,
    {
      users: [
        { id: expect.any(String), email: 'ada@example.org', name: 'Ada', role: 'owner', disabled: false, createdAt: 1, lastUsedAt: null },
      ],
      more: true,
    },
  ],
  ['PATCH', `/v1/admin/users/${id}`, { role: 'admin' }, 'setRole', { user: id, role: 'admin' }, 204, ''],
  ['PATCH', `/v1/admin/users/${id}`, { disabled: false }, 'setDisabled', { user: id, disabled: false }, 204, ''],
  ['GET', '/v1/admin/invites', undefined, 'listInvites', {}, 200, { invites: [invite] }],
  [
    'POST',
    '/v1/admin/invites',
    { email: 'bob@example.org', role: 'guest', uses: 3, expiresAt: 9 },
    'createInvite',
    { email: 'bob@example.org', role: 'guest', uses: 3, expiresAt: 9 },
    201,
    { invite: { ...invite, email: 'bob@example.org' }, link: `${ORIGIN}/invite#invite-secret` },
  ],
  ['DELETE', `/v1/admin/invites/${id}`, undefined, 'revokeInvite', { id }, 204, ''],
];

test.each(CALLS)(
  '%s %s %j asks %s %j on behalf of the user, and answers %i %j',
  async (method, url, payload, rpc, message, status, body) => {
    const { user, cookie } = await site.signUp();
    const response = await site.ask({ method: method as 'GET', url, headers: { cookie, ...OWN_PAGE }, ...(payload && { payload }) });
    expect([response.statusCode, response.body && response.json()]).toEqual([status, body]);
    expect(site.identity.askedFor(rpc)).toMatchObject({ request: message, user: { user, chain: ['web'] } });
    expect(problemOf(await site.ask({ method: method as 'GET', url, headers: OWN_PAGE, ...(payload && { payload }) }))).toBe(
      'unauthenticated',
    );
  },
);

test('role and state of an account are changed together, the role first; a refusal ends it', async () => {
  const { cookie } = await site.signUp();
  const change = (payload: object) =>
    site.ask({ method: 'PATCH', url: `/v1/admin/users/${id}`, headers: { cookie, ...OWN_PAGE }, payload });
  expect((await change({ role: 'guest', disabled: true })).statusCode).toBe(204);
  expect(site.identity.calls.map(({ method }) => method).slice(-2)).toEqual(['setRole', 'setDisabled']);
  expect(problemOf(await change({}))).toBe('invalid-request');
  expect(problemOf(await change({ role: 'emperor' }))).toBe('invalid-request');
  site.identity.fail = refusal('forbidden', Code.PermissionDenied);
  expect(problemOf(await change({ role: 'guest', disabled: true }))).toBe('forbidden');
  expect(site.identity.calls.at(-1)?.method).toBe('setRole');
});

test('an invite leads to the configured address, whatever name the site is asked by', async () => {
  const { cookie } = await site.signUp();
  const known = await site.open({ config: { publicUrl: 'https://chat.example.org' } });
  const payload = { role: 'member', uses: 1, expiresAt: 9 };
  const response = await site.ask({ method: 'POST', url: '/v1/admin/invites', headers: { cookie, ...OWN_PAGE }, payload }, known);
  expect(response.json().link).toBe('https://chat.example.org/invite#invite-secret');
});

test('a passkey logs in, for the origin of the page', async () => {
  const begun = await site.ask({ method: 'POST', url: '/v1/passkey-log-in/begin', headers: OWN_PAGE });
  expect([begun.statusCode, begun.json()]).toEqual([200, { challenge: expect.any(String), options: { rpId: 'localhost' } }]);
  expect(site.identity.askedFor('beginPasskeyLogIn')).toMatchObject({
    request: { origin: ORIGIN, client: { local: true } },
    user: undefined,
  });
  const payload = { challenge: begun.json().challenge, response: { id: 'x' } };
  const done = await site.ask({ method: 'POST', url: '/v1/passkey-log-in', headers: OWN_PAGE, payload });
  expect([done.statusCode, cookieOf(done, 'starling')]).toEqual([201, expect.stringMatching(/^[0-9a-f]{32}$/)]);
  expect(site.identity.askedFor('passkeyLogIn')?.request).toMatchObject({ response: '{"id":"x"}', client });
});
