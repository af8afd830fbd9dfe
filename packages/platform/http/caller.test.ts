import type { SystemRole } from '@starling/contracts/permissions';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { createTestTokens, type TestTokens } from '../tokens/test-tokens.ts';
import { callingUser, HOP_HEADER, requireUserCaller } from './caller.ts';
import { createHttpServer } from './server.ts';

let app: FastifyInstance;
let tokens: TestTokens;
let log: ReturnType<typeof createTestLogger>;

beforeEach(async () => {
  tokens = await createTestTokens();
  log = createTestLogger();
  app = createHttpServer({ logger: log.logger });
  app.register((scope, _options, done) => {
    requireUserCaller(scope, tokens.gate);
    scope.get('/who', { config: { right: 'profiles.use' } }, async (request) => callingUser(request).user);
    scope.get('/staff', { config: { right: 'accounts.administer' } }, async (request) => callingUser(request).role);
    done();
  });
  app.get('/open', async (request) => callingUser(request).user);
});
afterEach(() => app.close());

async function headersFor(user: string, role: SystemRole = 'member'): Promise<Record<string, string>> {
  const { token } = await tokens.issuers.identity.minter.mintUserToken({ user, session: 's', role, scope: 'api' });
  return {
    authorization: `Bearer ${token}`,
    [HOP_HEADER]: await tokens.issuers.web.minter.mintHopToken('conversation', { user, session: 's', token }),
  };
}

describe('a route for users', () => {
  it('knows who is behind a request, each its own', async () => {
    const [ann, bob] = await Promise.all([headersFor('ann'), headersFor('bob')]);
    const replies = await Promise.all([ann, bob, ann].map((headers) => app.inject({ url: '/who', headers })));
    expect(replies.map((reply) => reply.body)).toEqual(['ann', 'bob', 'ann']);
  });

  it('refuses a request whose tokens do not belong together, without a reason, and logs the reason', async () => {
    const [ann, bob] = [await headersFor('ann'), await headersFor('bob')];
    const own = await tokens.issuers.web.minter.mintHopToken('conversation');
    const wrong: Record<string, Record<string, string>> = {
      'no tokens': {},
      'the user token alone': { authorization: ann['authorization'] ?? '' },
      'the hop token alone': { [HOP_HEADER]: ann[HOP_HEADER] ?? '' },
      'of two users': { ...ann, authorization: bob['authorization'] ?? '' },
      'of a service as itself': { ...ann, [HOP_HEADER]: own },
      'not as a bearer': { ...ann, authorization: (ann['authorization'] ?? '').replace('Bearer', 'Basic') },
    };
    for (const [name, headers] of Object.entries(wrong)) {
      const reply = await app.inject({ url: '/who', headers });
      expect([name, reply.statusCode, reply.json()]).toEqual([
        name,
        401,
        { type: 'urn:starling:problem:unauthenticated', title: 'Log in first', status: 401 },
      ]);
    }
    expect(log.entries().filter((entry) => entry['msg'] === 'a call was refused')).toHaveLength(6);
    expect(log.text()).not.toContain((ann['authorization'] ?? '').slice(7));
    expect(log.text()).not.toContain(ann[HOP_HEADER]);
  });

  it('refuses those whose role lacks its right, and no others', async () => {
    const replies = await Promise.all(
      (['owner', 'admin', 'member', 'guest', 'bot'] as const).map(async (role) => {
        const reply = await app.inject({ url: '/staff', headers: await headersFor('ann', role) });
        return [role, reply.statusCode, reply.statusCode === 200 ? reply.body : reply.json().type];
      }),
    );
    expect(replies).toEqual([
      ['owner', 200, 'owner'],
      ['admin', 200, 'admin'],
      ...['member', 'guest', 'bot'].map((role) => [role, 403, 'urn:starling:problem:forbidden']),
    ]);
    // Without tokens nobody learns which right it is.
    expect((await app.inject('/staff')).statusCode).toBe(401);
  });

  it('must name a right', async () => {
    const careless = createHttpServer({ logger: log.logger });
    requireUserCaller(careless, tokens.gate);
    expect(() => careless.get('/anything', async () => 'open')).toThrow('the route GET /anything names no right');
  });

  it('is not for services but web, whatever tokens they have', async () => {
    const { token } = await tokens.issuers.identity.minter.mintUserToken({ user: 'ann', session: 's', role: 'member', scope: 'api' });
    const ann = { user: 'ann', session: 's', token };
    const hop = await tokens.issuers.delivery.minter.mintHopToken('conversation', ann);
    const reply = await app.inject({ url: '/who', headers: { authorization: `Bearer ${token}`, [HOP_HEADER]: hop } });
    expect(reply.statusCode).toBe(401);
    expect(log.text()).toContain('delivery may not call http');
  });

  it('that does not require one has no user', async () => {
    expect((await app.inject({ url: '/open', headers: await headersFor('ann') })).statusCode).toBe(401);
  });
});
