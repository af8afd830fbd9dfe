import { randomUUID } from 'node:crypto';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { CODE } from '../test-fake-identity.ts';
import { CREDENTIALS, ORIGIN, OWN_PAGE, problemOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
beforeEach(() => site.reset());
afterAll(() => site.stop());

const id = randomUUID();
const HOST = 'chat.example.org';
/** Pages of others, seen from https://chat.example.org. */
const OTHERS = [
  'null',
  'https://evil.example',
  'https://example.org',
  'https://other.example.org',
  'https://x.chat.example.org',
  'https://chat.example.org.evil.example',
  'https://chat-example.org',
  'https://chat.example.org:444',
  'https://chat.example.org:443',
  'http://chat.example.org',
  'https://chat.example.org/',
  'https://CHAT.example.org',
  '',
];

/** What logs somebody in, or begins to: by no cookie, so that a cookie's rules do not guard it. */
const ENTRIES: [string, object | undefined][] = [
  ['/v1/accounts', { ...CREDENTIALS, name: 'Ada' }],
  ['/v1/accounts/resend', { id }],
  ['/v1/accounts/confirm', { id, code: CODE }],
  ['/v1/sessions', CREDENTIALS],
  ['/v1/sessions/second-factor', { challenge: 'c', method: 'totp', code: CODE }],
  ['/v1/password-reset', { email: CREDENTIALS.email }],
  ['/v1/password-reset/confirm', { token: 't', password: 'another long password' }],
  ['/v1/passkey-log-in/begin', undefined],
  ['/v1/passkey-log-in', { challenge: id, response: {} }],
];

/** What a browser's cookie has power over. */
const CHANGES: [InjectOptions['method'], string, object | undefined][] = [
  ['DELETE', '/v1/sessions/current', undefined],
  ['DELETE', `/v1/sessions/${id}`, undefined],
  ['POST', '/v1/sessions/end-all', { keepCurrent: true }],
  ['POST', '/v1/socket-token', undefined],
  ['POST', '/v1/account/password', { current: 'x', password: 'another long password' }],
  ['POST', '/v1/account/email', { password: 'x', email: 'new@example.org' }],
  ['POST', '/v1/account/email/confirm', { id, code: CODE }],
  ['POST', '/v1/account/totp', { password: 'x' }],
  ['POST', '/v1/account/totp/confirm', { code: CODE }],
  ['POST', '/v1/account/totp/remove', { password: 'x' }],
  ['POST', '/v1/account/recovery-codes', { password: 'x' }],
  ['POST', '/v1/account/passkeys/begin', { password: 'x' }],
  ['POST', '/v1/account/passkeys', { challenge: id, response: {}, name: 'Key' }],
  ['DELETE', `/v1/account/passkeys/${id}`, undefined],
  ['PATCH', `/v1/admin/users/${id}`, { disabled: true }],
  ['POST', '/v1/admin/invites', { role: 'member', uses: 1, expiresAt: 9 }],
  ['DELETE', `/v1/admin/invites/${id}`, undefined],
  ['POST', '/v1/conversations', {}],
  ['PATCH', '/v1/users/me', {}],
  ['PUT', '/v1/conversations/private/x', undefined],
];

test.each(ENTRIES)('POST %s is refused to the pages of others', async (url, payload) => {
  const secure = await site.open({ secure: true });
  const post = (headers: Record<string, string>) =>
    site.ask({ method: 'POST', url, headers: { host: HOST, ...headers }, ...(payload && { payload }) }, secure);
  for (const origin of OTHERS) expect(problemOf(await post({ origin, 'x-starling-request': '1' })), origin).toBe('not-same-origin');
  expect(problemOf(await post({ origin: `https://${HOST}` }))).toBe('not-same-origin');
  expect(site.identity.calls).toEqual([]);
  expect((await post({ origin: `https://${HOST}`, 'x-starling-request': '1' })).statusCode).toBeLessThan(300);
  expect((await post({})).statusCode).toBeLessThan(300);
});

test.each(CHANGES)('%s %s by cookie needs Origin and header of our own page', async (method, url, payload) => {
  const { session, cookie } = await site.signUp();
  const secure = await site.open({ secure: true });
  site.identity.calls.length = 0;
  const request = (headers: Record<string, string>) => ({ method: method as 'POST', url, headers, ...(payload && { payload }) });
  for (const origin of OTHERS) {
    const headers = { host: HOST, cookie: `__Host-starling=${session}`, 'x-starling-request': '1', origin };
    expect(problemOf(await site.ask(request(headers), secure)), origin).toBe('not-same-origin');
  }
  for (const headers of [{}, { origin: ORIGIN }, { 'x-starling-request': '1' }, { ...OWN_PAGE, 'x-starling-request': 'yes' }])
    expect(problemOf(await site.ask(request({ cookie, ...headers }))), JSON.stringify(headers)).toBe('not-same-origin');
  expect(site.identity.calls).toEqual([]);
  expect((await site.ask(request({ cookie, ...OWN_PAGE }))).statusCode).toBeLessThan(300);
});

test('what changes nothing needs the cookie alone', async () => {
  const { cookie } = await site.signUp();
  for (const url of ['/v1/users/me', '/v1/account', '/v1/sessions', '/v1/sessions/current', '/v1/account/passkeys', '/v1/admin/users'])
    expect((await site.ask({ url, headers: { cookie } })).statusCode, url).toBe(200);
});

test('no answer lets the page of another site read it', async () => {
  const { cookie } = await site.signUp();
  const response = await site.ask({ url: '/v1/account', headers: { cookie, origin: 'https://evil.example' } });
  expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  expect(response.headers['cross-origin-resource-policy']).toBe('same-origin');
});

test('a page of an allowed origin may do what our own may, and read the answer', async () => {
  const { user, session } = await site.signUp();
  const [intranet, others] = ['https://intranet.example.org', 'https://intranet.example.org:8443'];
  const allowing = await site.open({ secure: true, config: { allowedOrigins: [intranet] } });
  const cookie = `__Host-starling=${session}`;
  const post = (headers: Record<string, string>) =>
    site.ask({ method: 'POST', url: '/v1/socket-token', headers: { host: HOST, cookie, ...headers } }, allowing);
  const asked = await site.ask(
    { method: 'OPTIONS', url: '/v1/socket-token', headers: { host: HOST, origin: intranet, 'access-control-request-method': 'POST' } },
    allowing,
  );
  expect([asked.statusCode, asked.headers['access-control-allow-origin'], asked.headers['access-control-allow-credentials']]).toEqual([
    204,
    intranet,
    'true',
  ]);
  expect(asked.headers['access-control-allow-headers']).toContain('x-starling-request');
  const answer = await post({ origin: intranet, 'x-starling-request': '1' });
  expect(answer.headers['access-control-allow-origin']).toBe(intranet);
  // Its socket shows the Origin of the page that it is opened from.
  const { token } = answer.json();
  expect(await site.world.platform('delivery').gate.verifyUserToken(token)).toMatchObject({ user, scope: 'socket', origin: intranet });
  expect((await post({ origin: `https://${HOST}`, 'x-starling-request': '1' })).statusCode).toBe(200);
  for (const headers of [{ origin: intranet }, { origin: others, 'x-starling-request': '1' }, { 'x-starling-request': '1' }]) {
    const refused = await post(headers);
    expect(problemOf(refused), JSON.stringify(headers)).toBe('not-same-origin');
  }
  expect((await post({ origin: others })).headers['access-control-allow-origin']).toBeUndefined();
});
