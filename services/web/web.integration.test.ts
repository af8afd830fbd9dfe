import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { IdentityService } from '@starling/contracts/rpc';
import { callingUser, createHttpServer, ProblemError, requireUserCaller } from '@starling/platform/http';
import { FakeClock } from '@starling/testing/clock';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createWeb } from './app.ts';
import { type IdentityStandIn, standInForIdentity } from './test-identity.ts';
import { createLocalUpstream } from './upstream/index.ts';

const origin = 'http://localhost:3000';
const ownPage = { origin, 'x-starling-request': '1' };
const credentials = { email: 'ada@example.org', password: 'a long enough password' };

let database: TestDatabase;
let world: TestPlatform;
let web: FastifyInstance;
let secureWeb: FastifyInstance;
let identity: IdentityStandIn;
const clock = new FakeClock(Date.now());

/** A service behind web: says which user is calling, and what arrived. */
function createEcho(name: 'user' | 'conversation' | 'delivery'): FastifyInstance {
  const { gate, logger } = world.platform(name);
  const app = createHttpServer({ logger });
  requireUserCaller(app, gate);
  app.all('/v1/*', async (request, reply) => {
    if (request.url.endsWith('/refused')) throw new ProblemError('behind', { retryAfter: 7 });
    const { user, chain } = callingUser(request);
    return reply
      .code(request.method === 'POST' ? 201 : 200)
      .header('set-cookie', 'inner=1')
      .send({ name, user, chain, method: request.method, url: request.url, headers: request.headers, body: request.body });
  });
  return app;
}

async function createSite(secure: boolean): Promise<FastifyInstance> {
  const platform = world.platform('web');
  const upstream = createLocalUpstream({
    user: createEcho('user'),
    conversation: createEcho('conversation'),
    delivery: createEcho('delivery'),
  });
  const app = createHttpServer({ logger: platform.logger });
  // What a connection with TLS says of itself.
  if (secure) app.addHook('onRequest', async (request) => void Object.assign(request.raw.socket, { encrypted: true }));
  const service = createWeb({ client: '/nowhere' }, platform, upstream);
  await service.routes(app);
  return app;
}

beforeAll(async () => {
  database = await createTestDatabase();
  world = await createTestPlatform({ database, clock, services: { web: [], identity: [], user: [], conversation: [], delivery: [] } });
});

beforeEach(async () => {
  identity = standInForIdentity(world.platform('identity'));
  world.register('identity', identity);
  web = await createSite(false);
  secureWeb = await createSite(true);
});

afterAll(async () => {
  await world.stop();
  await database.drop();
});

function ask(request: InjectOptions, site: FastifyInstance = web): Promise<LightMyRequestResponse> {
  return site.inject({ ...request, headers: { host: 'localhost:3000', ...request.headers } });
}

function problemOf(response: LightMyRequestResponse): string {
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  return (response.json().type as string).replace('urn:starling:problem:', '');
}

async function signUp(): Promise<{ user: string; session: string; cookie: string }> {
  const response = await ask({ method: 'POST', url: '/v1/accounts', headers: { origin }, payload: { ...credentials, name: 'Ada' } });
  expect(response.statusCode).toBe(201);
  const session = response.cookies[0]?.value as string;
  return { user: response.json().user, session, cookie: `starling=${session}` };
}

test('a sign-up and a log-in set a cookie that scripts cannot read, and say nothing of it otherwise', async () => {
  const { user, session } = await signUp();
  const response = await ask({ method: 'POST', url: '/v1/sessions', payload: credentials });
  expect([response.statusCode, response.json()]).toEqual([201, { user }]);
  expect(response.headers['set-cookie']).toMatch(/^starling=[0-9a-f]{32}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
  expect(response.headers['cache-control']).toBe('no-store');
  expect(response.body).not.toContain(session);
});

test('over HTTPS the cookie is bound to the host', async () => {
  const host = 'chat.example.org';
  const payload = { ...credentials, name: 'Ada' };
  const response = await ask({ method: 'POST', url: '/v1/accounts', headers: { host, origin: `https://${host}` }, payload }, secureWeb);
  expect(response.headers['set-cookie']).toMatch(
    /^__Host-starling=[0-9a-f]{32}; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
  const session = response.cookies[0]?.value;
  const current = (cookie: string) => ask({ url: '/v1/sessions/current', headers: { host, cookie } }, secureWeb);
  expect((await current(`__Host-starling=${session}`)).statusCode).toBe(200);
  expect((await current(`starling=${session}`)).statusCode).toBe(401);
});

test('what identity refuses becomes a problem of the catalogue', async () => {
  await signUp();
  const post = (url: string, payload: object) => ask({ method: 'POST', url, payload });
  expect(problemOf(await post('/v1/accounts', { ...credentials, name: 'Ada' }))).toBe('account-exists');
  for (const url of ['/v1/sessions', '/v1/token'])
    expect(problemOf(await post(url, { ...credentials, password: 'not this one' }))).toBe('wrong-credentials');
  for (const [code, problem] of [
    [Code.ResourceExhausted, 'rate-limited'],
    [Code.Unavailable, 'unavailable'],
    [Code.PermissionDenied, 'internal'],
    [Code.Unauthenticated, 'internal'],
  ] as const) {
    identity.fail = code;
    expect(problemOf(await post('/v1/sessions', credentials))).toBe(problem);
  }
  identity.fail = Code.InvalidArgument;
  expect(problemOf(await post('/v1/accounts', { ...credentials, name: 'Ada' }))).toBe('invalid-request');
});

test.each([
  ['/v1/accounts', { ...credentials }, '/body/name'],
  ['/v1/accounts', { ...credentials, name: 'Ada', password: 'short' }, '/body/password'],
  ['/v1/accounts', { ...credentials, name: ' ' }, '/body/name'],
  ['/v1/accounts', { ...credentials, name: 'Ada', role: 'owner' }, '/body/role'],
  ['/v1/sessions', { ...credentials, email: 7 }, '/body/email'],
  ['/v1/token', { email: 'ada@example.org' }, '/body/password'],
])('%s refuses %j at %s', async (url, payload, pointer) => {
  const response = await ask({ method: 'POST', url, payload });
  expect(problemOf(response)).toBe('invalid-request');
  expect(response.json().errors[0].pointer).toBe(pointer);
});

test('the page of another site can neither sign up, log in nor ask for tokens', async () => {
  const { cookie } = await signUp();
  for (const other of ['https://evil.example', 'http://localhost:4000', 'https://localhost:3000', 'null']) {
    for (const url of ['/v1/accounts', '/v1/sessions', '/v1/token']) {
      const response = await ask({
        method: 'POST',
        url,
        headers: { origin: other },
        payload: { ...credentials, ...(url === '/v1/accounts' && { name: 'A' }) },
      });
      expect(problemOf(response)).toBe('not-same-origin');
    }
    const response = await ask({ method: 'POST', url: '/v1/socket-token', headers: { cookie, ...ownPage, origin: other } });
    expect(problemOf(response)).toBe('not-same-origin');
  }
  expect(problemOf(await ask({ method: 'POST', url: '/v1/token', headers: { origin }, payload: credentials }))).toBe('not-same-origin');
});

test('a change by the power of a cookie needs our own page: its Origin and its header', async () => {
  const { cookie } = await signUp();
  for (const headers of [
    {},
    { origin },
    { 'x-starling-request': '1' },
    { ...ownPage, 'x-starling-request': 'yes' },
    { ...ownPage, origin: 'http://evil.example' },
  ]) {
    for (const [method, url] of [
      ['POST', '/v1/conversations'],
      ['PATCH', '/v1/users/me'],
      ['PUT', '/v1/conversations/private/x'],
      ['DELETE', '/v1/sessions/current'],
      ['POST', '/v1/socket-token'],
    ] as const) {
      expect(problemOf(await ask({ method, url, headers: { cookie, ...headers } }))).toBe('not-same-origin');
    }
    expect((await ask({ url: '/v1/users/me', headers: { cookie, ...headers } })).statusCode).toBe(200);
  }
  expect((await ask({ method: 'PATCH', url: '/v1/users/me', headers: { cookie, ...ownPage }, payload: {} })).statusCode).toBe(200);
});

test('the current session is told, prolonged, and gone after log-out', async () => {
  const { user, session, cookie } = await signUp();
  const current = await ask({ url: '/v1/sessions/current', headers: { cookie } });
  expect([current.statusCode, current.json()]).toEqual([200, { user }]);
  expect(current.headers['set-cookie']).toMatch(new RegExp(`^starling=${session}; Max-Age=2592000;`));
  const out = await ask({ method: 'DELETE', url: '/v1/sessions/current', headers: { cookie, ...ownPage } });
  expect([out.statusCode, out.body]).toEqual([204, '']);
  expect(out.headers['set-cookie']).toMatch(/^starling=; Max-Age=0; Path=\/; /);
  expect(identity.sessions.size).toBe(0);
  expect(problemOf(await ask({ url: '/v1/sessions/current', headers: { cookie } }))).toBe('unauthenticated');
  expect(problemOf(await ask({ url: '/v1/sessions/current' }))).toBe('unauthenticated');
  expect((await ask({ method: 'DELETE', url: '/v1/sessions/current' })).statusCode).toBe(204);
});

test('a session that was logged out stops working at once', async () => {
  const { cookie } = await signUp();
  const me = () => ask({ url: '/v1/users/me', headers: { cookie } });
  expect((await me()).statusCode).toBe(200);
  await ask({ method: 'DELETE', url: '/v1/sessions/current', headers: { cookie, ...ownPage } });
  expect(problemOf(await me())).toBe('unauthenticated');
});

test('a log-out that did not happen is not claimed', async () => {
  const { cookie } = await signUp();
  identity.rpc = (router) =>
    router.service(IdentityService, {
      mintToken() {
        throw new ConnectError('away', Code.Unavailable);
      },
      logOut() {
        throw new ConnectError('away', Code.Unavailable);
      },
    });
  const response = await ask({ method: 'DELETE', url: '/v1/sessions/current', headers: { cookie, ...ownPage } }, await createSite(false));
  expect(problemOf(response)).toBe('unavailable');
  expect(response.headers['set-cookie']).toBeUndefined();
});

test('a call is passed on with both tokens, and without cookie', async () => {
  const { user, cookie } = await signUp();
  const headers = {
    cookie,
    ...ownPage,
    'idempotency-key': 'k',
    'x-forwarded-host': 'elsewhere.example',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const response = await ask({ method: 'POST', url: '/v1/conversations?a=%20b', headers, payload: { name: 'Ünï' } });
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
  for (const name of ['cookie', 'origin', 'x-forwarded-host', 'x-starling-request']) expect(echo.headers).not.toHaveProperty(name);
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
  const { cookie } = await signUp();
  expect((await ask({ method, url, headers: { cookie, ...ownPage } })).json()).toMatchObject({ name, method, url });
});

test.each(['/v1', '/v1/', '/v1/nothing', '/v1/socket', '/v1/users/..%2f..%2fx', '/v1/sessions'])('there is nothing at %s', async (url) => {
  const { cookie } = await signUp();
  for (const accept of ['application/json', 'text/html'])
    expect(problemOf(await ask({ url, headers: { cookie, accept } }))).toBe('not-found');
});

test('the callee judges the body, byte by byte as it came; web only its size', async () => {
  const { cookie } = await signUp();
  const post = (payload: string, type = 'application/json') =>
    ask({ method: 'POST', url: '/v1/conversations', headers: { cookie, ...ownPage, 'content-type': type }, payload });
  expect(problemOf(await post('{"name": '))).toBe('invalid-request');
  expect(problemOf(await post('name=x', 'application/x-www-form-urlencoded'))).toBe('unsupported-media-type');
  expect((await post(JSON.stringify({ name: 'x'.repeat(262_000) }))).statusCode).toBe(201);
  expect(problemOf(await post(JSON.stringify({ name: 'x'.repeat(263_000) })))).toBe('too-large');
  expect((await post('')).json().body).toBeUndefined();
});

test('a refusal is passed on as it is', async () => {
  const { cookie } = await signUp();
  const response = await ask({ url: '/v1/users/refused', headers: { cookie } });
  expect(problemOf(response)).toBe('behind');
  expect(response.headers['retry-after']).toBe('7');
});

test('a session has one token, minted once however many calls begin at once, until a minute before it expires', async () => {
  const { cookie } = await signUp();
  const me = async () => (await ask({ url: '/v1/users/me', headers: { cookie } })).json().headers.authorization as string;
  const first = new Set(await Promise.all(Array.from({ length: 10 }, me)));
  expect([first.size, identity.minted]).toEqual([1, 1]);
  clock.advance(238_000);
  expect([first.has(await me()), identity.minted]).toEqual([true, 1]);
  clock.advance(3_000);
  const second = new Set(await Promise.all(Array.from({ length: 10 }, me)));
  expect([second.size, [...second].some((token) => first.has(token)), identity.minted]).toEqual([1, false, 2]);
});

test('when identity is away, held tokens go on and no session is taken for ended', async () => {
  const { cookie } = await signUp();
  const me = () => ask({ url: '/v1/users/me', headers: { cookie } });
  await me();
  identity.fail = Code.Unavailable;
  expect((await me()).statusCode).toBe(200);
  clock.advance(300_000);
  expect(problemOf(await me())).toBe('unavailable');
  identity.fail = undefined;
  expect((await me()).statusCode).toBe(200);
});

test('a program gets a token for itself and calls with it, without Origin, header or cookie', async () => {
  const { user } = await signUp();
  const issued = await ask({ method: 'POST', url: '/v1/token', payload: credentials });
  expect(issued.json()).toEqual({ user, token: expect.any(String), expiresAt: expect.any(Number) });
  expect(issued.headers['set-cookie']).toBeUndefined();
  const authorization = `Bearer ${issued.json().token}`;
  const response = await ask({ method: 'POST', url: '/v1/conversations', headers: { authorization }, payload: {} });
  expect(response.json()).toMatchObject({ user, headers: { authorization } });
});

test('a bearer token must be of identity, alive and for the API; a cookie does not help it', async () => {
  const { user, cookie } = await signUp();
  const socketOnly = await world.mintUserToken({ user, scope: 'socket' });
  const ofAnother = (await world.platform('user').minter.mintUserToken({ user, session: randomUUID(), scope: 'api' })).token;
  const expired = await world.mintUserToken({ user });
  const me = (authorization: string) => ask({ url: '/v1/users/me', headers: { authorization, cookie } });
  expect((await me(`Bearer ${expired}`)).statusCode).toBe(200);
  clock.advance(306_000);
  for (const authorization of [`Bearer ${socketOnly}`, `Bearer ${ofAnother}`, `Bearer ${expired}`, 'Bearer x', 'Basic eDp5', '']) {
    expect(problemOf(await me(authorization))).toBe('unauthenticated');
  }
});

test('a page gets a token for its socket, for its own Origin and nothing else', async () => {
  const { user, cookie } = await signUp();
  const response = await ask({ method: 'POST', url: '/v1/socket-token', headers: { cookie, ...ownPage } });
  const { token } = response.json();
  expect(await world.platform('delivery').gate.verifyUserToken(token)).toMatchObject({ user, scope: 'socket', origin });
  expect((await ask({ url: '/v1/users/me', headers: { authorization: `Bearer ${token}` } })).statusCode).toBe(401);
  expect(problemOf(await ask({ method: 'POST', url: '/v1/socket-token', headers: ownPage }))).toBe('unauthenticated');
});

test('neither passwords nor sessions nor tokens are logged', async () => {
  const { session, cookie } = await signUp();
  identity.fail = Code.PermissionDenied;
  await ask({ method: 'POST', url: '/v1/sessions', payload: credentials });
  await ask({ url: '/v1/users/me', headers: { cookie } });
  const token = await world.mintUserToken({ user: randomUUID(), scope: 'socket' });
  await ask({ url: '/v1/users/me', headers: { authorization: `Bearer ${token}` } });
  const text = world.logLines.join('');
  expect(text).toContain('a token was refused');
  for (const secret of [credentials.password, session, token]) expect(text).not.toContain(secret);
});

test('plain HTTP is refused when a proxy passes it on, whatever the Host header says', async () => {
  const response = await ask({ method: 'GET', url: '/v1/sessions/current', headers: { 'x-forwarded-for': '203.0.113.7' } });
  expect(problemOf(response)).toBe('https-required');
});
