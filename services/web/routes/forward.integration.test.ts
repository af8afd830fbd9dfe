import { afterAll, beforeEach, expect, test } from 'vitest';
import { OWN_PAGE, problemOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
beforeEach(() => site.reset());
afterAll(() => site.stop());

test('a call is passed on with both tokens, and without cookie', async () => {
  const { user, cookie } = await site.signUp();
  const headers = {
    cookie,
    ...OWN_PAGE,
    'idempotency-key': 'k',
    'x-forwarded-host': 'elsewhere.example',
    'starling-device': 'd',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const response = await site.ask({ method: 'POST', url: '/v1/conversations?a=%20b', headers, payload: { name: 'Ünï' } });
  expect(response.statusCode).toBe(201);
  expect(response.headers['cache-control']).toBe('no-store');
  expect(response.headers['set-cookie']).toBeUndefined();
  const echo = response.json();
  expect(echo).toMatchObject({
    name: 'conversation',
    user,
    chain: ['web'],
    method: 'POST',
    url: '/v1/conversations?a=%20b',
    body: { name: 'Ünï' },
  });
  expect(echo.headers).toMatchObject({ 'idempotency-key': 'k', 'content-type': 'application/json', traceparent: headers.traceparent });
  for (const name of ['cookie', 'origin', 'x-forwarded-host', 'x-starling-request', 'starling-device'])
    expect(echo.headers).not.toHaveProperty(name);
  expect(echo.headers.authorization).toMatch(/^Bearer ey/);
});

test.each([
  ['GET', '/v1/users?search=a', 'user'],
  ['PATCH', '/v1/users/me', 'user'],
  ['GET', '/v1/snapshot', 'conversation'],
  ['GET', '/v1/conversations/x/messages?limit=3', 'conversation'],
  ['POST', '/v1/conversations/x/messages', 'delivery'],
  ['PUT', '/v1/conversations/private/x', 'conversation'],
] as const)('%s %s is answered by %s', async (method, url, name) => {
  const { cookie } = await site.signUp();
  expect((await site.ask({ method, url, headers: { cookie, ...OWN_PAGE } })).json()).toMatchObject({ name, method, url });
});

test.each(['/v1', '/v1/', '/v1/nothing', '/v1/socket', '/v1/users/..%2f..%2fx', '/v1/token', '/v1/sign-on', '/v1/admin'])(
  'there is nothing at %s',
  async (url) => {
    const { cookie } = await site.signUp();
    for (const accept of ['application/json', 'text/html'])
      expect(problemOf(await site.ask({ url, headers: { cookie, accept } }))).toBe('not-found');
  },
);

test('the callee judges the body, byte by byte as it came; web only its size', async () => {
  const { cookie } = await site.signUp();
  const post = (payload: string, type = 'application/json') =>
    site.ask({ method: 'POST', url: '/v1/conversations', headers: { cookie, ...OWN_PAGE, 'content-type': type }, payload });
  expect(problemOf(await post('{"name": '))).toBe('invalid-request');
  expect(problemOf(await post('name=x', 'application/x-www-form-urlencoded'))).toBe('unsupported-media-type');
  expect((await post(JSON.stringify({ name: 'x'.repeat(262_000) }))).statusCode).toBe(201);
  expect(problemOf(await post(JSON.stringify({ name: 'x'.repeat(263_000) })))).toBe('too-large');
  expect((await post('')).json().body).toBeUndefined();
});

test('a refusal is passed on as it is', async () => {
  const { cookie } = await site.signUp();
  const response = await site.ask({ url: '/v1/users/refused', headers: { cookie } });
  expect(problemOf(response)).toBe('behind');
  expect(response.headers['retry-after']).toBe('7');
});
