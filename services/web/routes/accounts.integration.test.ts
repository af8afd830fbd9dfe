import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { CODE, refusal } from '../test-fake-identity.ts';
import { CREDENTIALS, cookieOf, OWN_PAGE, problemOf, setCookieOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
beforeEach(() => site.reset());
afterAll(() => site.stop());

const id = '01890a5d-ac96-774b-bcce-b302099a8057';
const account = { ...CREDENTIALS, name: 'Ada' };
const post = (url: string, payload: object, headers: Record<string, string> = {}) => site.ask({ method: 'POST', url, payload, headers });

test('the entry page is told what there is, and of providers only where they can send somebody back to', async () => {
  const local = await site.ask({ url: '/v1/entry' });
  expect([local.statusCode, local.json()]).toEqual([
    200,
    { registration: 'invite', mail: true, providers: [{ id: 'corp', name: 'Corp' }] },
  ]);
  const secure = await site.open({ secure: true });
  expect((await site.ask({ url: '/v1/entry', headers: { host: 'chat.example.org' } }, secure)).json().providers).toEqual([]);
  const known = await site.open({ secure: true, config: { publicUrl: 'https://chat.example.org/' } });
  expect((await site.ask({ url: '/v1/entry', headers: { host: 'chat.example.org' } }, known)).json().providers).toHaveLength(1);
});

test('a registration waits for its code, which only the machine itself is told', async () => {
  const local = await post('/v1/accounts', { ...account, invite: 'invite-secret' }, OWN_PAGE);
  expect([local.statusCode, local.json()]).toEqual([202, { id: expect.any(String), expiresAt: 1_900_000_000_000, code: CODE }]);
  expect(local.headers['set-cookie']).toBeUndefined();
  expect(site.identity.askedFor('register')?.request).toMatchObject({ ...account, invite: 'invite-secret', client: { local: true } });
  const secure = await site.open({ secure: true });
  const remote = await site.ask({ method: 'POST', url: '/v1/accounts', headers: { host: 'chat.example.org' }, payload: account }, secure);
  expect([remote.statusCode, remote.json()]).toEqual([202, { id: expect.any(String), expiresAt: 1_900_000_000_000 }]);
  expect(site.identity.askedFor('register')?.request).toMatchObject({ invite: '', client: { local: false } });
});

test('a code can be sent again', async () => {
  const response = await post('/v1/accounts/resend', { id });
  expect([response.statusCode, response.json()]).toEqual([202, { id, expiresAt: 1_900_000_000_000 }]);
});

test('the right code ends a registration with a session, in a cookie that scripts cannot read', async () => {
  expect(problemOf(await post('/v1/accounts/confirm', { id, code: '000000' }))).toBe('wrong-code');
  const response = await post('/v1/accounts/confirm', { id, code: CODE }, OWN_PAGE);
  expect([response.statusCode, response.json()]).toEqual([201, { user: expect.any(String) }]);
  expect(setCookieOf(response, 'starling')).toMatch(/^starling=[0-9a-f]{32}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
  expect(setCookieOf(response, 'starling-device')).toMatch(
    /^starling-device=device-\w+; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  expect(response.headers['cache-control']).toBe('no-store');
  for (const name of ['starling', 'starling-device']) expect(response.body).not.toContain(cookieOf(response, name));
});

test('over HTTPS the cookies are bound to the host', async () => {
  const secure = await site.open({ secure: true });
  const headers = { host: 'chat.example.org', origin: 'https://chat.example.org', 'x-starling-request': '1' };
  const response = await site.ask({ method: 'POST', url: '/v1/accounts/confirm', headers, payload: { id, code: CODE } }, secure);
  for (const name of ['__Host-starling', '__Host-starling-device'])
    expect(setCookieOf(response, name)).toMatch(/; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const session = cookieOf(response, '__Host-starling');
  const current = (cookie: string) => site.ask({ url: '/v1/sessions/current', headers: { host: 'chat.example.org', cookie } }, secure);
  expect((await current(`__Host-starling=${session}`)).statusCode).toBe(200);
  expect((await current(`starling=${session}`)).statusCode).toBe(401);
});

test('a reset is taken down, and done by the secret of its link', async () => {
  const wish = await post('/v1/password-reset', { email: 'nobody@example.org' });
  expect([wish.statusCode, wish.body]).toEqual([202, '']);
  expect(site.identity.askedFor('requestPasswordReset')?.request).toMatchObject({ email: 'nobody@example.org', client: { local: true } });
  const done = await post('/v1/password-reset/confirm', { token: 'link.secret', password: 'another long password' });
  expect([done.statusCode, done.body, done.headers['set-cookie']]).toEqual([204, '', undefined]);
  expect(site.identity.askedFor('resetPassword')?.request).toMatchObject({ token: 'link.secret', password: 'another long password' });
});

test('what identity refuses is the problem that it names, with its sentence and its wait', async () => {
  site.identity.fail = refusal('rate-limited', Code.ResourceExhausted, { 'retry-after': '40', 'starling-detail': 'ten codes a day' });
  const limited = await post('/v1/accounts', account);
  expect(problemOf(limited)).toBe('rate-limited');
  expect([limited.headers['retry-after'], limited.json()]).toMatchObject(['40', { detail: 'ten codes a day', retryAfter: 40 }]);
  for (const problem of ['registration-closed', 'invite-required', 'account-exists', 'invalid-request', 'unavailable'] as const) {
    site.identity.fail = refusal(problem, Code.Unknown);
    expect(problemOf(await post('/v1/accounts', account))).toBe(problem);
  }
});

test('that identity is away is no refusal, and what it says without a name, or by one that there is not, is ours to mend', async () => {
  for (const [error, problem] of [
    [new ConnectError('away', Code.Unavailable), 'unavailable'],
    [new ConnectError('late', Code.DeadlineExceeded), 'unavailable'],
    [new ConnectError('the tokens of this call are not valid', Code.Unauthenticated), 'unavailable'],
    [new ConnectError('no', Code.PermissionDenied), 'internal'],
    [new ConnectError('no', Code.NotFound, { 'starling-problem': 'constructor' }), 'internal'],
  ] as const) {
    site.identity.fail = error;
    expect(problemOf(await post('/v1/sessions', CREDENTIALS)), error.message).toBe(problem);
  }
});

test.each([
  ['/v1/accounts', { ...CREDENTIALS }, '/body/name'],
  ['/v1/accounts', { ...account, password: 'short' }, '/body/password'],
  ['/v1/accounts', { ...account, name: ' ' }, '/body/name'],
  ['/v1/accounts', { ...account, role: 'owner' }, '/body/role'],
  ['/v1/accounts', { ...account, client: { local: true } }, '/body/client'],
  ['/v1/accounts/resend', { id: 'x' }, '/body/id'],
  ['/v1/accounts/confirm', { id, code: '12345' }, '/body/code'],
  ['/v1/accounts/confirm', { id, code: 123456 }, '/body/code'],
  ['/v1/sessions', { ...CREDENTIALS, email: 7 }, '/body/email'],
  ['/v1/token', { email: 'ada@example.org' }, '/body/password'],
  ['/v1/token/refresh', { refreshToken: '' }, '/body/refreshToken'],
  ['/v1/password-reset', { email: 'x' }, '/body/email'],
  ['/v1/password-reset/confirm', { token: 'a b', password: 'another long password' }, '/body/token'],
])('%s refuses %j at %s', async (url, payload, pointer) => {
  const response = await post(url, payload);
  expect(problemOf(response)).toBe('invalid-request');
  expect(response.json().errors[0].pointer).toBe(pointer);
  expect(site.identity.calls).toEqual([]);
});
