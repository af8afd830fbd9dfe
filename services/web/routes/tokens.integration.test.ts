import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { CREDENTIALS, cookieOf, ORIGIN, OWN_PAGE, problemOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
beforeEach(() => site.reset());
afterAll(() => site.stop());

const post = (url: string, payload: object, headers: Record<string, string> = {}) => site.ask({ method: 'POST', url, payload, headers });

test('a program gets tokens for itself and calls with them, without Origin, header or cookie', async () => {
  const issued = await post('/v1/token', { ...CREDENTIALS, code: '123456' });
  const { user, token } = issued.json();
  expect([issued.statusCode, issued.json()]).toEqual([
    200,
    { user, token, expiresAt: expect.any(Number), refreshToken: 'refresh.0.mac', refreshExpiresAt: 1_900_000_000_000 },
  ]);
  expect(issued.headers['set-cookie']).toBeUndefined();
  expect(site.identity.askedFor('issueToken')?.request).toMatchObject({ ...CREDENTIALS, code: '123456' });
  const authorization = `Bearer ${token}`;
  const response = await site.ask({ method: 'POST', url: '/v1/conversations', headers: { authorization }, payload: {} });
  expect(response.json()).toMatchObject({ user, headers: { authorization } });
  const account = await site.ask({ url: '/v1/account', headers: { authorization } });
  expect([account.statusCode, site.identity.askedFor('describeAccount')?.user?.user]).toEqual([200, user]);
});

test('a program keeps the secret of its device in a header', async () => {
  const device = (await post('/v1/token', CREDENTIALS)).headers['starling-device'] as string;
  expect(device).toMatch(/^device-/);
  await post('/v1/token', CREDENTIALS, { 'starling-device': device });
  expect(site.identity.askedFor('issueToken')?.request).toMatchObject({ client: { device } });
  await post('/v1/token', CREDENTIALS, { 'starling-device': 'no secret of ours' });
  expect(site.identity.askedFor('issueToken')?.request).toMatchObject({ client: { device: '' } });
});

test('tokens are refreshed and revoked by the refresh token alone', async () => {
  const refreshed = await post('/v1/token/refresh', { refreshToken: 'refresh.0.mac' });
  expect([refreshed.statusCode, refreshed.json().refreshToken]).toEqual([200, 'refresh.0.mac']);
  expect(refreshed.headers['starling-device']).toBeUndefined();
  expect(problemOf(await post('/v1/token/refresh', { refreshToken: 'refresh.0.forged' }))).toBe('unauthenticated');
  const revoked = await post('/v1/token/revoke', { refreshToken: 'refresh.0.mac' });
  expect([revoked.statusCode, revoked.body]).toEqual([204, '']);
  expect(site.identity.askedFor('revokeRefreshToken')?.request).toMatchObject({ refreshToken: 'refresh.0.mac' });
});

test('no page gets what its scripts could read, not even our own', async () => {
  for (const [url, payload] of [
    ['/v1/token', CREDENTIALS],
    ['/v1/token/refresh', { refreshToken: 'refresh.0.mac' }],
    ['/v1/token/revoke', { refreshToken: 'refresh.0.mac' }],
  ] as const) {
    for (const origin of [ORIGIN, 'https://evil.example', 'null'])
      expect(problemOf(await post(url, payload, { origin }))).toBe('not-same-origin');
  }
  expect(site.identity.calls).toEqual([]);
});

test('a bearer token must be of identity, alive and for the API; a cookie does not help it', async () => {
  const { user, cookie } = await site.signUp();
  const socketOnly = await site.world.mintUserToken({ user, scope: 'socket' });
  const claims = { user, session: randomUUID(), role: 'member', scope: 'api' } as const;
  const ofAnother = (await site.world.platform('user').minter.mintUserToken(claims)).token;
  const expired = await site.world.mintUserToken({ user });
  const me = (authorization: string) => site.ask({ url: '/v1/users/me', headers: { authorization, cookie } });
  expect((await me(`Bearer ${expired}`)).statusCode).toBe(200);
  site.clock.advance(306_000);
  for (const authorization of [`Bearer ${socketOnly}`, `Bearer ${ofAnother}`, `Bearer ${expired}`, 'Bearer x', 'Basic eDp5', '']) {
    const response = await me(authorization);
    expect([problemOf(response), response.headers['set-cookie']]).toEqual(['unauthenticated', undefined]);
  }
});

test('a page gets a token for its socket, for its own Origin and nothing else', async () => {
  const { user, cookie } = await site.signUp();
  const response = await site.ask({ method: 'POST', url: '/v1/socket-token', headers: { cookie, ...OWN_PAGE } });
  const { token } = response.json();
  expect(await site.world.platform('delivery').gate.verifyUserToken(token)).toMatchObject({ user, scope: 'socket', origin: ORIGIN });
  expect((await site.ask({ url: '/v1/users/me', headers: { authorization: `Bearer ${token}` } })).statusCode).toBe(401);
  expect(problemOf(await site.ask({ method: 'POST', url: '/v1/socket-token', headers: OWN_PAGE }))).toBe('unauthenticated');
});

test('neither passwords nor sessions nor tokens nor devices are logged', async () => {
  const { session, cookie } = await site.signUp();
  const wrong = { ...CREDENTIALS, password: 'wrong but long enough' };
  const log = await site.ask({ method: 'POST', url: '/v1/sessions', payload: CREDENTIALS });
  await post('/v1/sessions', wrong, { cookie: `starling-device=${cookieOf(log, 'starling-device')}` });
  await post('/v1/token/refresh', { refreshToken: 'refresh.0.forged' });
  await site.ask({ url: '/v1/users/me', headers: { cookie } });
  const token = await site.world.mintUserToken({ user: randomUUID(), scope: 'socket' });
  await site.ask({ url: '/v1/users/me', headers: { authorization: `Bearer ${token}` } });
  const text = site.world.logLines.join('');
  expect(text).toContain('a token was refused');
  const device = cookieOf(log, 'starling-device') as string;
  for (const secret of [CREDENTIALS.password, wrong.password, session, token, device, 'refresh.0.forged'])
    expect(text).not.toContain(secret);
});
