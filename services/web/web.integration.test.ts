import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { IdentityService } from '@starling/contracts/rpc';
import { callingUser, createHttpServer, ProblemError, requireUserCaller } from '@starling/platform/http';
import { requireService } from '@starling/platform/rpc';
import type { Platform, Service } from '@starling/platform/service';
import { FakeClock } from '@starling/testing/clock';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createWeb } from './app.ts';
import { createLocalUpstream } from './upstream/index.ts';

const origin = 'http://localhost:3000';
const ownPage = { origin, 'x-starling-request': '1' };
const credentials = { email: 'ada@example.org', password: 'a long enough password' };

let database: TestDatabase;
let world: TestPlatform;
let client: string;
let web: FastifyInstance;
let secureWeb: FastifyInstance;
let identity: IdentityStandIn;
const clock = new FakeClock(Date.now());

/** Identity's side of its contract, with accounts and sessions in memory. */
interface IdentityStandIn extends Service {
  sessions: Map<string, { user: string; id: string }>;
  minted: number;
  fail: Code | undefined;
}

function standInForIdentity({ minter }: Platform): IdentityStandIn {
  const accounts = new Map<string, { user: string; password: string }>();
  const standIn: IdentityStandIn = {
    sessions: new Map(),
    minted: 0,
    fail: undefined,
    routes() {},
    async start() {},
    async stop() {},
    rpc(router) {
      function begin(user: string) {
        const session = randomBytes(16).toString('hex');
        standIn.sessions.set(session, { user, id: randomUUID() });
        return { session, user };
      }
      function check({ email, password }: { email: string; password: string }) {
        if (standIn.fail) throw new ConnectError('as asked', standIn.fail);
        const account = accounts.get(email);
        if (account?.password !== password) throw new ConnectError('no such account', Code.NotFound);
        return begin(account.user);
      }
      router.service(IdentityService, {
        signUp({ email, password }, context) {
          requireService(context, 'web');
          if (standIn.fail) throw new ConnectError('as asked', standIn.fail);
          if (accounts.has(email)) throw new ConnectError('exists', Code.AlreadyExists);
          const user = randomUUID();
          accounts.set(email, { user, password });
          return begin(user);
        },
        logIn: (request) => check(request),
        logOut({ session }) {
          standIn.sessions.delete(session);
          return {};
        },
        async mintToken({ session, origin: boundTo, socket }) {
          standIn.minted++;
          const live = standIn.sessions.get(session);
          if (standIn.fail) throw new ConnectError('as asked', standIn.fail);
          if (!live) throw new ConnectError('the session has ended', Code.NotFound);
          const claims = { user: live.user, session: live.id, scope: socket ? 'socket' : 'api', origin: boundTo } as const;
          return { ...(await minter.mintUserToken(claims)), user: live.user };
        },
        async issueToken(request) {
          const { user } = check(request);
          return { ...(await minter.mintUserToken({ user, session: randomUUID(), scope: 'api socket' })), user };
        },
      });
    },
  };
  return standIn;
}

/** A service behind web: says which user is calling, and what arrived. */
function createEcho(name: 'user' | 'conversation' | 'delivery'): FastifyInstance {
  const { gate, logger } = world.platform(name);
  const app = createHttpServer({ logger });
  app.register(async (scope) => {
    requireUserCaller(scope, gate);
    scope.all('/v1/*', async (request, reply) => {
      if (request.url.endsWith('/refused')) throw new ProblemError('behind', { retryAfter: 7 });
      const { user, chain } = callingUser(request);
      return reply
        .code(request.method === 'POST' ? 201 : 200)
        .header('set-cookie', 'inner=1')
        .send({ name, user, chain, method: request.method, url: request.url, headers: request.headers, body: request.body });
    });
  });
  return app;
}

function createSite(secure: boolean): FastifyInstance {
  const platform = world.platform('web');
  const upstream = createLocalUpstream({ user: createEcho('user'), conversation: createEcho('conversation'), delivery: createEcho('delivery') });
  const app = createHttpServer({ logger: platform.logger });
  // What a connection with TLS says of itself.
  if (secure) app.addHook('onRequest', async (request) => void Object.assign(request.raw.socket, { encrypted: true }));
  app.register(async (scope) => createWeb({ client }, platform, upstream).routes(scope));
  return app;
}

beforeAll(async () => {
  database = await createTestDatabase();
  world = await createTestPlatform({ database, clock, services: { web: [], identity: [], user: [], conversation: [], delivery: [] } });
  client = await mkdtemp(join(tmpdir(), 'starling-test-client-'));
  await mkdir(join(client, 'assets'));
  await writeFile(join(client, 'index.html'), '<!doctype html><title>Starling</title>');
  await writeFile(join(client, 'assets', 'main-abc123.js'), 'export {};');
  await writeFile(join(client, 'favicon.svg'), '<svg/>');
  await writeFile(join(client, '.hidden'), 'secret');
});

beforeEach(async () => {
  identity = standInForIdentity(world.platform('identity'));
  world.register('identity', identity);
  web = createSite(false);
  secureWeb = createSite(true);
});

afterAll(async () => {
  await world.stop();
  await database.drop();
  await rm(client, { recursive: true });
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
  expect(response.headers['set-cookie']).toMatch(/^__Host-starling=[0-9a-f]{32}; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const session = response.cookies[0]?.value;
  const current = (cookie: string) => ask({ url: '/v1/sessions/current', headers: { host, cookie } }, secureWeb);
  expect((await current(`__Host-starling=${session}`)).statusCode).toBe(200);
  expect((await current(`starling=${session}`)).statusCode).toBe(401);
});

test('what identity refuses becomes a problem of the catalogue', async () => {
  await signUp();
  const post = (url: string, payload: object) => ask({ method: 'POST', url, payload });
  expect(problemOf(await post('/v1/accounts', { ...credentials, name: 'Ada' }))).toBe('account-exists');
  for (const url of ['/v1/sessions', '/v1/token']) expect(problemOf(await post(url, { ...credentials, password: 'not this one' }))).toBe('wrong-credentials');
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
      const response = await ask({ method: 'POST', url, headers: { origin: other }, payload: { ...credentials, ...(url === '/v1/accounts' && { name: 'A' }) } });
      expect(problemOf(response)).toBe('not-same-origin');
    }
    const response = await ask({ method: 'POST', url: '/v1/socket-token', headers: { cookie, ...ownPage, origin: other } });
    expect(problemOf(response)).toBe('not-same-origin');
  }
  expect(problemOf(await ask({ method: 'POST', url: '/v1/token', headers: { origin }, payload: credentials }))).toBe('not-same-origin');
});

test('a change by the power of a cookie needs our own page: its Origin and its header', async () => {
  const { cookie } = await signUp();
  for (const headers of [{}, { origin }, { 'x-starling-request': '1' }, { ...ownPage, 'x-starling-request': 'yes' }, { ...ownPage, origin: 'http://evil.example' }]) {
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
      logOut() {
        throw new ConnectError('away', Code.Unavailable);
      },
    });
  const response = await ask({ method: 'DELETE', url: '/v1/sessions/current', headers: { cookie, ...ownPage } }, createSite(false));
  expect(problemOf(response)).toBe('unavailable');
  expect(response.headers['set-cookie']).toBeUndefined();
});

test('a call is passed on with both tokens, and without cookie', async () => {
  const { user, cookie } = await signUp();
  const headers = { cookie, ...ownPage, 'idempotency-key': 'k', 'x-forwarded-for': '1.2.3.4', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const response = await ask({ method: 'POST', url: '/v1/conversations?a=%20b', headers, payload: { name: 'Ünï' } });
  expect(response.statusCode).toBe(201);
  expect(response.headers['cache-control']).toBe('no-store');
  expect(response.headers['set-cookie']).toBeUndefined();
  const echo = response.json();
  expect(echo).toMatchObject({ name: 'conversation', user, chain: ['web'], method: 'POST', url: '/v1/conversations?a=%20b', body: { name: 'Ünï' } });
  expect(echo.headers).toMatchObject({ 'idempotency-key': 'k', 'content-type': 'application/json', traceparent: headers.traceparent });
  for (const name of ['cookie', 'origin', 'x-forwarded-for', 'x-starling-request']) expect(echo.headers).not.toHaveProperty(name);
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
  for (const accept of ['application/json', 'text/html']) expect(problemOf(await ask({ url, headers: { cookie, accept } }))).toBe('not-found');
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

test('over plain HTTP only the machine itself is served', async () => {
  for (const host of ['localhost', '127.0.0.1:3000', '[::1]:3000']) expect((await ask({ url: '/', headers: { host, accept: 'text/html' } })).statusCode).toBe(200);
  for (const host of ['chat.example.org', '192.168.1.7:3000', 'localhost.evil.example', 'evil.example:3000']) {
    const page = await ask({ url: '/', headers: { host, accept: 'text/html,*/*' } });
    expect([page.statusCode, page.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect(page.body).toContain('--tls-cert');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(problemOf(await ask({ method: 'POST', url: '/v1/sessions', headers: { host }, payload: credentials }))).toBe('https-required');
    expect((await ask({ url: '/', headers: { host, accept: 'text/html' } }, secureWeb)).statusCode).toBe(200);
  }
  expect(problemOf(await ask({ url: '/', headers: { host: 'localhost; script-src *' } }))).toBe('invalid-request');
});

test('the page may load and reach nothing but its own site', async () => {
  const policy = (response: LightMyRequestResponse) => response.headers['content-security-policy'] as string;
  const plain = await ask({ url: '/', headers: { accept: 'text/html' } });
  expect(policy(plain)).toContain("script-src 'self';");
  expect(policy(plain)).toContain("connect-src 'self' ws://localhost:3000;");
  expect(policy(plain)).not.toMatch(/unsafe|upgrade-insecure-requests|\*/);
  expect(plain.headers).not.toHaveProperty('strict-transport-security');
  expect(plain.headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' });
  const secure = await ask({ url: '/', headers: { host: 'chat.example.org', accept: 'text/html' } }, secureWeb);
  expect(policy(secure)).toContain("connect-src 'self' wss://chat.example.org;");
  expect(secure.headers['strict-transport-security']).toBe('max-age=31536000');
  const local = await ask({ url: '/', headers: { accept: 'text/html' } }, secureWeb);
  expect(local.headers).not.toHaveProperty('strict-transport-security');
});

test('the client is served: hashed files for ever, all else asked for anew, and every place is the page', async () => {
  const get = (url: string, accept = '*/*') => ask({ url, headers: { accept } });
  const asset = await get('/assets/main-abc123.js');
  expect([asset.statusCode, asset.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
  expect(asset.headers['content-type']).toMatch(/javascript/);
  const icon = await get('/favicon.svg');
  expect([icon.statusCode, icon.headers['cache-control']]).toEqual([200, 'no-cache']);
  for (const url of ['/', '/index.html', '/conversations/0195', '/a/b?c=d']) {
    const page = await get(url, 'text/html');
    expect([page.statusCode, page.headers['cache-control'], page.body]).toEqual([200, 'no-cache', '<!doctype html><title>Starling</title>']);
  }
  for (const url of ['/assets/old-000000.js', '/assets/../.hidden']) expect((await get(url, 'text/html')).statusCode).not.toBe(500);
  expect((await get('/assets/old-000000.js', 'text/html')).statusCode).toBe(404);
  expect((await get('/missing.png')).statusCode).toBe(404);
  for (const url of ['/.hidden', '/assets/../.hidden', '/assets/%2e%2e/.hidden', '/..%2f..%2fetc/passwd', '/%00']) {
    expect((await get(url)).statusCode, url).toBe(404);
  }
  expect((await ask({ method: 'POST', url: '/', payload: {} })).statusCode).toBe(404);
});

test('a client that is not built is explained', async () => {
  const app = createHttpServer({ logger: world.platform('web').logger });
  const upstream = createLocalUpstream({ user: web, conversation: web, delivery: web });
  app.register(async (scope) => createWeb({ client: join(client, 'absent') }, world.platform('web'), upstream).routes(scope));
  const response = await ask({ url: '/', headers: { accept: 'text/html' } }, app);
  expect([response.statusCode, response.headers['content-type']]).toEqual([503, 'text/plain; charset=utf-8']);
  expect(response.body).toContain('node services/web/browser/build.ts');
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
