import { Code } from '@connectrpc/connect';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { PASSWORD, refusal } from '../test-fake-identity.ts';
import { cookieOf, OWN_PAGE, problemOf, setCookieOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
beforeEach(() => site.reset());
afterAll(() => site.stop());

const CALLBACK = '/v1/sign-on/corp/callback?code=c%2Bd&state=s';
const begin = () => site.ask({ url: '/v1/sign-on/corp' });
const finish = () => site.ask({ url: CALLBACK, headers: { cookie: 'starling-flow=flow-secret', accept: 'text/html' } });

test('a sign-on leads to the provider, and leaves a secret in the browser that begins it', async () => {
  const response = await site.ask({ url: '/v1/sign-on/corp?invite=invite-secret' });
  expect([response.statusCode, response.headers.location]).toEqual([302, 'https://idp.example/authorize?state=s']);
  expect(setCookieOf(response, 'starling-flow')).toBe('starling-flow=flow-secret; Max-Age=600; Path=/; HttpOnly; SameSite=Lax');
  expect(response.headers['cache-control']).toBe('no-store');
  expect(site.identity.askedFor('beginSignOn')?.request).toMatchObject({
    provider: 'corp',
    redirectUri: 'http://localhost:3000/v1/sign-on/corp/callback',
    invite: 'invite-secret',
  });
});

test('the provider is told the configured address, or on the machine itself its own, and no other', async () => {
  const secure = await site.open({ secure: true });
  const elsewhere = await site.ask({ url: '/v1/sign-on/corp', headers: { host: 'evil.example' } }, secure);
  expect([elsewhere.statusCode, elsewhere.headers.location]).toEqual([302, '/?sign-on=refused']);
  expect(site.identity.calls).toEqual([]);
  const known = await site.open({ secure: true, config: { publicUrl: 'https://chat.example.org' } });
  const response = await site.ask({ url: '/v1/sign-on/corp', headers: { host: 'evil.example' } }, known);
  expect(setCookieOf(response, '__Host-starling-flow')).toBe(
    '__Host-starling-flow=flow-secret; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax',
  );
  expect(site.identity.askedFor('beginSignOn')?.request).toMatchObject({
    redirectUri: 'https://chat.example.org/v1/sign-on/corp/callback',
  });
});

test('a sign-on that is accepted is a session, and leads to the client', async () => {
  const response = await finish();
  expect([response.statusCode, response.headers.location, response.body]).toEqual([302, '/', '']);
  expect(cookieOf(response, 'starling')).toMatch(/^[0-9a-f]{32}$/);
  expect(cookieOf(response, 'starling-device')).toMatch(/^device-/);
  expect(setCookieOf(response, 'starling-flow')).toMatch(/^starling-flow=; Max-Age=0;/);
  expect(site.identity.askedFor('finishSignOn')?.request).toMatchObject({
    flow: 'flow-secret',
    callbackUrl: `http://localhost:3000${CALLBACK}`,
    client: { local: true },
  });
});

test('the second factor is wanted in the fragment, which no server sees, and there is no session before it', async () => {
  site.identity.signOnEnds = 'secondFactor';
  const response = await finish();
  const [place, fragment] = (response.headers.location as string).split('#');
  expect([response.statusCode, place, Object.fromEntries(new URLSearchParams(fragment))]).toEqual([
    302,
    '/second-factor',
    { challenge: 'challenge-secret', methods: 'totp,recovery-code', expiresAt: '1900000000000' },
  ]);
  expect(cookieOf(response, 'starling')).toBeUndefined();
});

test('an account with the same email is connected by its password, in the same browser', async () => {
  site.identity.signOnEnds = 'link';
  const response = await finish();
  expect([response.statusCode, response.headers.location]).toEqual([302, '/link']);
  expect(cookieOf(response, 'starling')).toBeUndefined();
  expect(setCookieOf(response, 'starling-link')).toMatch(/^starling-link=[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/);
  const cookie = `starling-link=${cookieOf(response, 'starling-link')}`;
  const waiting = await site.ask({ url: '/v1/sign-on/link', headers: { cookie } });
  expect(waiting.json()).toEqual({ email: 'ada@example.org', provider: 'Corp' });
  const connect = (password: string) =>
    site.ask({ method: 'POST', url: '/v1/sign-on/link', headers: { cookie, ...OWN_PAGE }, payload: { password } });
  const wrong = await connect('not this one');
  expect([problemOf(wrong), wrong.headers['set-cookie']]).toEqual(['wrong-credentials', undefined]);
  const right = await connect(PASSWORD);
  expect([right.statusCode, cookieOf(right, 'starling')]).toEqual([201, expect.stringMatching(/^[0-9a-f]{32}$/)]);
  expect(setCookieOf(right, 'starling-link')).toMatch(/^starling-link=; Max-Age=0;/);
  expect(site.identity.askedFor('linkSignOn')?.request).toMatchObject({ link: 'link-secret', password: PASSWORD });
  site.identity.secondFactor = true;
  expect((await connect(PASSWORD)).statusCode).toBe(202);
});

test.each([undefined, '', 'x', 'bnVsbA', Buffer.from('["a"]').toString('base64url'), Buffer.from('[1,2,3]').toString('base64url')])(
  'nothing waits to be connected by the cookie %j',
  async (value) => {
    const headers = { ...OWN_PAGE, ...(value !== undefined && { cookie: `starling-link=${value}` }) };
    expect(problemOf(await site.ask({ url: '/v1/sign-on/link', headers }))).toBe('link-expired');
    expect(problemOf(await site.ask({ method: 'POST', url: '/v1/sign-on/link', headers, payload: { password: 'x' } }))).toBe(
      'link-expired',
    );
    expect(site.identity.calls).toEqual([]);
  },
);

test('to connect, the request must be of our own page', async () => {
  const cookie = `starling-link=${Buffer.from('["l","e","p"]').toString('base64url')}`;
  for (const headers of [{}, { origin: OWN_PAGE.origin }, { ...OWN_PAGE, origin: 'null' }, { 'x-starling-request': '1' }]) {
    const response = await site.ask({
      method: 'POST',
      url: '/v1/sign-on/link',
      headers: { cookie, ...headers },
      payload: { password: 'x' },
    });
    expect(problemOf(response)).toBe('not-same-origin');
  }
});

test('what goes wrong leads back to the entry page, and nowhere that a request names', async () => {
  const refused = async (response: Awaited<ReturnType<typeof begin>>) => {
    expect([response.statusCode, response.headers.location]).toEqual([302, '/?sign-on=refused']);
    expect(cookieOf(response, 'starling')).toBeUndefined();
  };
  await refused(await site.ask({ url: '/v1/sign-on/nobody' }));
  await refused(await site.ask({ url: `${CALLBACK}&redirect=https://evil.example` }));
  for (const problem of ['sign-on-refused', 'registration-closed', 'invite-required', 'unavailable'] as const) {
    site.identity.fail = refusal(problem, Code.Unknown);
    await refused(await begin());
    const response = await finish();
    await refused(response);
    expect(setCookieOf(response, 'starling-flow')).toMatch(/^starling-flow=; Max-Age=0;/);
  }
});

test('neither codes nor flows are logged', async () => {
  site.identity.fail = refusal('sign-on-refused', Code.Unauthenticated);
  await site.ask({ url: '/v1/sign-on/corp/callback?code=code-in-the-log', headers: { cookie: 'starling-flow=flow-in-the-log' } });
  const text = site.world.logLines.join('');
  expect(text).toContain('a sign-on was refused');
  expect(text).not.toMatch(/(?:code|flow)-in-the-log/);
});
