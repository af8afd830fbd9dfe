import { callingUser, createHttpServer, ProblemError, requireUserCaller } from '@starling/platform/http';
import { FakeClock } from '@starling/testing/clock';
import { createTestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import { createWeb } from './app.ts';
import type { WebConfig } from './config.ts';
import { CODE, createFakeIdentity, type FakeIdentity, PASSWORD } from './test-fake-identity.ts';
import { createLocalUpstream } from './upstream/index.ts';

export const ORIGIN = 'http://localhost:3000';
/** What our own page sends with what changes something. */
export const OWN_PAGE = { origin: ORIGIN, 'x-starling-request': '1' };
export const CREDENTIALS = { email: 'ada@example.org', password: PASSWORD };

export interface Person {
  user: string;
  session: string;
  /** As the header of a request. */
  cookie: string;
}

/** Web before a fake identity and services that say what reaches them. */
export interface TestSite {
  world: TestPlatform;
  clock: FakeClock;
  identity: FakeIdentity;
  /** A request to `localhost:3000` from this machine, unless it says otherwise. */
  ask(request: InjectOptions, site?: FastifyInstance): Promise<LightMyRequestResponse>;
  /** Somebody who has registered in a browser. */
  signUp(): Promise<Person>;
  /** The same site with another configuration, or over TLS. */
  open(options: { secure?: boolean; config?: WebConfig }): Promise<FastifyInstance>;
  /** Forgets everybody. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestSite(): Promise<TestSite> {
  const database = await createTestDatabase();
  const clock = new FakeClock(Date.now());
  const services = { web: [], identity: [], user: [], conversation: [], delivery: [] };
  const world = await createTestPlatform({ database, clock, services });
  let plain: FastifyInstance;

  const site: TestSite = {
    world,
    clock,
    identity: createFakeIdentity(world.platform('identity')),
    ask: (request, app = plain) => app.inject({ ...request, headers: { host: 'localhost:3000', ...request.headers } }),
    async signUp() {
      const begun = await site.ask({
        method: 'POST',
        url: '/v1/accounts/confirm',
        headers: OWN_PAGE,
        payload: { id: '01890a5d-ac96-774b-bcce-b302099a8057', code: CODE },
      });
      expect(begun.statusCode).toBe(201);
      const session = cookieOf(begun, 'starling') as string;
      return { user: begun.json().user, session, cookie: `starling=${session}` };
    },
    async open({ secure = false, config = {} }) {
      const platform = world.platform('web');
      const app = createHttpServer({ logger: platform.logger });
      // What a connection with TLS says of itself.
      if (secure) app.addHook('onRequest', async (request) => void Object.assign(request.raw.socket, { encrypted: true }));
      const upstream = createLocalUpstream({ user: echo('user'), conversation: echo('conversation'), delivery: echo('delivery') });
      await createWeb({ client: '/nowhere', ...config }, platform, upstream).routes(app);
      return app;
    },
    async reset() {
      site.identity = createFakeIdentity(world.platform('identity'));
      world.register('identity', site.identity);
      plain = await site.open({});
    },
    async stop() {
      await world.stop();
      await database.drop();
    },
  };
  await site.reset();
  return site;

  /** A service behind web: says which user is calling, and what arrived. */
  function echo(name: 'user' | 'conversation' | 'delivery'): FastifyInstance {
    const { gate, logger } = world.platform(name);
    const app = createHttpServer({ logger });
    requireUserCaller(app, gate);
    app.all('/v1/*', { config: { right: 'profiles.use' } }, async (request, reply) => {
      if (site.identity.tokensToRefuse-- > 0) throw new ProblemError('unauthenticated');
      if (request.url.endsWith('/refused')) throw new ProblemError('behind', { retryAfter: 7 });
      const { user, chain } = callingUser(request);
      return reply
        .code(request.method === 'POST' ? 201 : 200)
        .header('set-cookie', 'inner=1')
        .send({ name, user, chain, method: request.method, url: request.url, headers: request.headers, body: request.body });
    });
    return app;
  }
}

/** The name of the problem that a response is. */
export function problemOf(response: LightMyRequestResponse): string {
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  return (response.json().type as string).replace('urn:starling:problem:', '');
}

export function cookieOf(response: LightMyRequestResponse, name: string): string | undefined {
  return response.cookies.find((cookie) => cookie.name === name)?.value;
}

/** The whole Set-Cookie header of one cookie. */
export function setCookieOf(response: LightMyRequestResponse, name: string): string | undefined {
  return [response.headers['set-cookie'] ?? []].flat().find((header) => header.startsWith(`${name}=`));
}
