import { describe, expect, it } from 'vitest';
import { createClient } from '../client.ts';
import { settle } from '../testing/fake-clock.ts';
import type { FakeServer } from '../testing/fake-server.ts';
import { type Stage, setStage } from '../testing/start-client.ts';

const ANN = { email: 'ann@example.org', password: 'correct horse' };
const BOB = { email: 'bob@example.org', password: 'correct horse' };

/** Of the token's life of 300 s less than the reserve is left. */
const DUE = 215_000;

function asked(server: FakeServer, path: string) {
  return server.requests.filter((request) => request.path === path);
}

function refreshTokens(server: FakeServer): unknown[] {
  return asked(server, '/v1/token/refresh').map(({ body }) => body['refreshToken']);
}

/** Another client of the stage's server, whose requests all reach it, but answers only as `deliver` says. */
function openClient({ server, clock }: Stage, deliver: (path: string, signal: AbortSignal) => Promise<void>) {
  const reach = server.createFetch();
  return createClient({
    baseUrl: 'http://starling.test',
    auth: { kind: 'password', ...ANN },
    fetch: async (input, init) => {
      const answer = await reach(input, init);
      await deliver(new URL(String(input)).pathname, init!.signal!);
      return answer;
    },
    WebSocket: server.WebSocket,
    clock,
    random: () => 0.5,
  });
}

describe('session of a program', () => {
  it('gets one token for calls at once, and refreshes it once before it expires', async () => {
    const { client, server, clock } = setStage();
    await Promise.all([client.me(), client.me()]);
    expect(asked(server, '/v1/token')).toHaveLength(1);
    await clock.advance(200_000);
    await client.me();
    expect(refreshTokens(server)).toEqual([]);
    await clock.advance(15_000);
    await Promise.all([client.me(), client.me()]);
    expect(refreshTokens(server)).toHaveLength(1);
    expect(asked(server, '/v1/token')).toHaveLength(1);
  });

  it('stays the same one, with another refresh token each time', async () => {
    const { client, server, clock } = setStage();
    await client.me();
    const sessions = [...server.identity.sessions.keys()];
    for (let round = 0; round < 3; round++) {
      await clock.advance(DUE);
      await client.me();
    }
    expect(new Set(refreshTokens(server)).size).toBe(3);
    expect([...server.identity.sessions.keys()]).toEqual(sessions);
  });

  it('repeats a refresh whose answer was lost with the same refresh token', async () => {
    const stage = setStage();
    const { server, clock } = stage;
    let losses = 2;
    const client = openClient(stage, async (path) => {
      if (path === '/v1/token/refresh' && losses-- > 0) throw new TypeError('connection reset');
    });
    await client.me();
    await clock.advance(DUE);
    const called = client.me();
    await clock.advance(1000);
    expect((await called).name).toBe('Ann');
    expect(refreshTokens(server)).toHaveLength(3);
    expect(new Set(refreshTokens(server)).size).toBe(1);
    expect(asked(server, '/v1/token')).toHaveLength(1);
  });

  it('waits for the answer to a refresh so briefly that the last try still gets the successor', async () => {
    const stage = setStage();
    const { server, clock } = stage;
    let losses = 2;
    const client = openClient(stage, async (path, signal) => {
      if (path !== '/v1/token/refresh' || losses-- <= 0) return;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    await client.me();
    await clock.advance(DUE);
    const called = client.me();
    await clock.advance(9_999);
    expect((await called).name).toBe('Ann');
    expect(refreshTokens(server)).toHaveLength(3);
    expect(asked(server, '/v1/token')).toHaveLength(1);
  });

  it('keeps the refresh token while the server is away, and logs in anew only when it is refused', async () => {
    const { client, server, clock } = setStage();
    await client.me();
    await clock.advance(DUE);
    server.onRequest = ({ path }) => (path === '/v1/token/refresh' ? 'unavailable' : undefined);
    const away = client.me().catch((error: unknown) => error);
    await clock.advance(5000);
    expect(await away).toMatchObject({ code: 'unavailable' });
    server.onRequest = () => undefined;
    await client.me();
    expect(new Set(refreshTokens(server)).size).toBe(1);
    expect(asked(server, '/v1/token')).toHaveLength(1);
    server.identity.sessions.clear();
    expect((await client.me()).name).toBe('Ann');
    expect(asked(server, '/v1/token')).toHaveLength(2);
  });

  it('presents the secret of its device when it logs in again', async () => {
    const { client, server } = setStage();
    await client.me();
    server.identity.sessions.clear();
    await client.me();
    await client.logIn(ANN);
    const shown = asked(server, '/v1/token').map(({ headers }) => headers['starling-device']);
    expect(shown).toEqual([undefined, 'device-of-ann', 'device-of-ann']);
  });

  it('gets a new token when the server does not take the present one, and another when it does not take that', async () => {
    const { client, server } = setStage();
    await client.me();
    let refusals = 0;
    server.onRequest = ({ path }) => (path === '/v1/users/me' && refusals-- > 0 ? 'unauthenticated' : undefined);
    for (const [times, refreshes] of [
      [1, 1],
      [2, 3],
    ] as const) {
      refusals = times;
      expect((await client.me()).name).toBe('Ann');
      expect(refreshTokens(server)).toHaveLength(refreshes);
    }
    refusals = 9;
    await expect(client.me()).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('takes no late refusal of an earlier token for one of the present', async () => {
    const { client, server } = setStage();
    const held = Promise.withResolvers<void>();
    let calls = 0;
    server.onRequest = async ({ path }) => {
      if (path !== '/v1/users/me') return undefined;
      const call = ++calls;
      if (call === 1) await held.promise;
      return call <= 2 ? 'unauthenticated' : undefined;
    };
    const late = client.me();
    await settle();
    await client.me();
    expect(refreshTokens(server)).toHaveLength(1);
    held.resolve();
    expect((await late).name).toBe('Ann');
    expect(refreshTokens(server)).toHaveLength(1);
  });
});

describe('logging in as a program', () => {
  it('sends the second factor with the password once, and asks for another when the session has ended', async () => {
    const { client, server, ann, clock } = setStage({ auth: { kind: 'password', ...ANN, code: '246810' } });
    const account = server.identity.accounts.get(ann)!;
    account.totp = '246810';
    client.start();
    await settle();
    expect(client.getState().connection).toBe('live');
    account.totp = '135791';
    server.identity.sessions.clear();
    server.closeAll(4401);
    await clock.advance(1000);
    expect(client.getState()).toMatchObject({
      connection: 'failed',
      failure: { kind: 'logged-out', message: 'The account wants its second factor too' },
    });
    expect(asked(server, '/v1/token').map(({ body }) => body['code'])).toEqual(['246810', undefined]);
    expect(await client.logIn({ ...ANN, code: '135791' })).toEqual({ user: ann });
    await expect(client.logIn(ANN)).rejects.toMatchObject({ code: 'second-factor-required' });
  });

  it('asks once for what is refused, until it is told other credentials', async () => {
    const { client, server, ann } = setStage({ auth: { kind: 'password', ...ANN, password: 'wrong' } });
    for (let call = 0; call < 3; call++) await expect(client.me()).rejects.toMatchObject({ code: 'wrong-credentials' });
    expect(asked(server, '/v1/token')).toHaveLength(1);
    await client.logIn(ANN);
    expect((await client.me()).id).toBe(ann);
  });

  it('does not change who calls when it fails', async () => {
    const { client, ann } = setStage();
    await expect(client.logIn({ ...BOB, password: 'wrong' })).rejects.toMatchObject({ code: 'wrong-credentials' });
    expect((await client.me()).id).toBe(ann);
  });

  it('is as the one who logs in, also while a token of another is on its way', async () => {
    const { client, server, bob } = setStage();
    const held = Promise.withResolvers<void>();
    server.onRequest = async ({ path, body }) => {
      if (path === '/v1/token' && body['email'] === ANN.email) await held.promise;
      return undefined;
    };
    const asAnn = client.me();
    expect(await client.logIn(BOB)).toEqual({ user: bob });
    held.resolve();
    await asAnn;
    expect((await client.me()).id).toBe(bob);
  });

  it('ends with the session on the server', async () => {
    const { client, server } = setStage();
    await client.me();
    expect(server.identity.sessions.size).toBe(1);
    await client.logOut();
    expect(server.identity.sessions.size).toBe(0);
    expect(await client.currentUser()).toBeNull();
    await expect(client.me()).rejects.toMatchObject({ code: 'unauthenticated', message: 'Call logIn or signUp first.' });
  });

  it('leaves no session behind that is refreshed while it logs out', async () => {
    const { client, server, clock } = setStage();
    await client.me();
    await clock.advance(DUE);
    const held = Promise.withResolvers<void>();
    server.onRequest = async ({ path }) => {
      if (path === '/v1/token/refresh') await held.promise;
      return undefined;
    };
    const called = client.me().catch((error: { code: string }) => error.code);
    await settle();
    const left = client.logOut();
    held.resolve();
    await left;
    await called;
    expect(server.identity.sessions.size).toBe(0);
    expect(asked(server, '/v1/token/revoke').map(({ body }) => body['refreshToken'])).toEqual([expect.stringMatching(/\.1$/)]);
  });

  it('stays logged in when the server does not hear of the log-out', async () => {
    const { client, server, clock, ann } = setStage();
    await client.me();
    server.onRequest = ({ path }) => {
      if (path === '/v1/token/revoke') throw new TypeError('connection reset');
      return undefined;
    };
    const left = client.logOut().catch((error: Error) => error.name);
    await clock.advance(5000);
    expect(await left).toBe('NetworkError');
    await clock.advance(DUE);
    expect(await client.currentUser()).toBe(ann);
  });

  it('is with the new password and email once they are changed', async () => {
    const { client, server, ann } = setStage();
    await client.account.changePassword({ current: ANN.password, password: 'battery staple' });
    const { id, code = '' } = await client.account.requestEmailChange({ password: 'battery staple', email: 'anna@example.org' });
    server.identity.sessions.clear();
    expect((await client.me()).id).toBe(ann);
    await client.account.confirmEmailChange({ id, code });
    server.identity.sessions.clear();
    expect((await client.me()).id).toBe(ann);
    expect(asked(server, '/v1/token').map(({ body }) => body)).toEqual([
      ANN,
      { email: ANN.email, password: 'battery staple' },
      { email: 'anna@example.org', password: 'battery staple' },
    ]);
  });

  it('follows a registration that this client began', async () => {
    const { client, server } = setStage({ auth: { kind: 'password' } });
    const cleo = { email: 'cleo@example.org', password: 'long enough' };
    const { id, code = '' } = await client.signUp({ ...cleo, name: 'Cleo' });
    await expect(client.confirmSignUp({ id, code: '000000' })).rejects.toMatchObject({ code: 'wrong-code' });
    expect(await client.currentUser()).toBeNull();
    const { user } = await client.confirmSignUp({ id, code });
    expect(await client.me()).toMatchObject({ id: user, name: 'Cleo' });
    expect(asked(server, '/v1/token').map(({ body }) => body)).toEqual([cleo]);
  });

  it('has no part in what only pages can do', async () => {
    const { client, server } = setStage();
    const tries = [
      () => client.completeLogIn({ challenge: 'c', method: 'totp', code: '123456' }),
      () => client.passkeyLogIn({ challenge: 'c', response: {} }),
      () => client.linkSignOn('correct horse'),
    ];
    for (const attempt of tries) await expect(attempt()).rejects.toThrow('for pages of the server');
    expect(server.requests).toEqual([]);
  });
});
