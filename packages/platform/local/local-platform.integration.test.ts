import { randomUUID } from 'node:crypto';
import { type ConnectError, createClient } from '@connectrpc/connect';
import { encodeFactHeaders, partitionOf } from '@starling/contracts/log';
import { UserService } from '@starling/contracts/rpc';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callingUser, requireUserCaller } from '../http/index.ts';
import { OUTBOX_MIGRATIONS } from '../outbox/index.ts';
import type { Service } from '../service/index.ts';

let database: TestDatabase;
let local: TestPlatform;
const happened: string[] = [];

beforeEach(async () => {
  happened.length = 0;
  database = await createTestDatabase();
  local = await createTestPlatform({ database, services: { user: [OUTBOX_MIGRATIONS] } });
});
afterEach(async () => {
  await local.stop();
  await database.drop();
});

function createService(name: string, more: Partial<Service> = {}): Service {
  return {
    routes: () => {},
    start: async () => void happened.push(`start ${name}`),
    stop: async () => void happened.push(`stop ${name}`),
    ...more,
  };
}

describe('a platform in one process', () => {
  it('starts services in order, and stops them in the reverse order, once', async () => {
    for (const name of ['identity', 'user', 'web'] as const) local.register(name, createService(name));
    await local.start();
    await Promise.all([local.stop(), local.stop()]);
    expect(happened).toEqual(['start identity', 'start user', 'start web', 'stop web', 'stop user', 'stop identity']);
    await expect(local.platform('user').db.query('SELECT 1')).rejects.toThrow();
    await expect(local.log.append('users', 0, [])).rejects.toThrow('closed');
  });

  it('gives each service a role, a schema and a token of its own', async () => {
    const names = ['user', 'conversation'] as const;
    const rows = await Promise.all(
      names.map(async (name) => (await local.platform(name).db.query('SELECT current_user AS role, current_schema() AS schema')).rows[0]),
    );
    expect(rows.map((row) => row.schema)).toEqual(names);
    expect(rows[0].role).not.toBe(rows[1].role);
    await local.platform('user').db.query('SELECT FROM outbox');
    await expect(local.platform('conversation').db.query('SELECT FROM "user".outbox')).rejects.toMatchObject({ code: '42501' });
    const call = {
      hopToken: await local.platform('conversation').minter.mintHopToken('user'),
      userToken: undefined,
      method: 'starling.user.v1.UserService/FindUsers',
    };
    expect(await local.platform('user').gate.verifyCall(call)).toMatchObject({ service: 'conversation', user: undefined });
    await expect(local.platform('conversation').gate.verifyCall(call)).rejects.toThrow();
  });

  it('lets services call one another with tokens, in whatever order they were made', async () => {
    const users = createClient(UserService, local.platform('conversation').rpc('user'));
    const others = createClient(UserService, local.platform('delivery').rpc('user'));
    local.register(
      'user',
      createService('user', {
        rpc: (router) =>
          void router.service(UserService, {
            findUsers: ({ users: asked }) => ({ users: asked }),
          }),
      }),
    );
    expect((await users.findUsers({ users: ['a'] })).users).toEqual(['a']);
    expect(await others.findUsers({ users: ['a'] }).catch((error: ConnectError) => error.message)).toContain('unauthenticated');
    await expect(createClient(UserService, local.platform('web').rpc('identity')).findUsers({})).rejects.toThrow(
      'identity is not part of this composition',
    );
  });

  it('refuses, at every service, the tokens of a session that the log says has ended, from the first request on', async () => {
    const [user, session] = [randomUUID(), randomUUID()];
    const token = await local.mintUserToken({ user, session });
    const headers = encodeFactHeaders({ id: randomUUID(), kind: 'session.revoked' });
    const value = Buffer.from(JSON.stringify({ user, session }));
    await local.log.append('users', partitionOf(user, local.log.partitions.users), [{ key: user, headers, value }]);
    expect(local.unready()).toEqual(['ended sessions are being read']);
    await local.start();
    expect(local.unready()).toEqual([]);
    for (const name of ['web', 'delivery', 'user'] as const)
      await expect(local.platform(name).gate.verifyUserToken(token)).rejects.toThrow('the session has ended');
  });

  it('serves the routes of a service to those with tokens', async () => {
    local.register(
      'user',
      createService('user', {
        routes(app) {
          requireUserCaller(app, local.platform('user').gate);
          app.get('/v1/who', { config: { right: 'profiles.use' } }, async (request) => callingUser(request).user);
        },
      }),
    );
    const app = local.http('user');
    expect(local.http('user')).toBe(app);
    expect((await app.inject({ url: '/v1/who', headers: await local.headersFor('user', 'ann') })).body).toBe('ann');
    expect((await app.inject({ url: '/v1/who', headers: await local.headersFor('web', 'ann') })).statusCode).toBe(401);
    expect((await app.inject('/v1/who')).statusCode).toBe(401);
  });
});
