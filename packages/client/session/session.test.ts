import { describe, expect, it } from 'vitest';
import { createClient } from '../client.ts';
import { settle } from '../testing/fake-clock.ts';
import { pending, type Stage, setStage } from '../testing/start-client.ts';

const ANN = { email: 'ann@example.org', password: 'correct horse' };
const BOB = { email: 'bob@example.org', password: 'correct horse' };

/** Two tabs of one browser: they share the cookie. Ann is logged in in both. */
async function openTwoTabs() {
  const stage: Stage = setStage();
  const { server, clock } = stage;
  const fetch = server.createFetch();
  const open = () =>
    createClient({
      baseUrl: 'http://starling.test',
      auth: { kind: 'cookie' },
      fetch,
      WebSocket: server.WebSocket,
      clock,
      random: () => 0.5,
    });
  const [tab, other] = [open(), open()];
  await tab.logIn(ANN);
  await other.currentUser();
  for (const client of [tab, other]) client.start();
  await settle();
  return { ...stage, tab, other };
}

describe('session by cookie', () => {
  it('signs up, is known afterwards, and connects with a token for the socket', async () => {
    const { client, server } = setStage({ auth: { kind: 'cookie' } });
    expect(await client.currentUser()).toBeNull();
    const { id, code = '' } = await client.signUp({ email: 'cleo@example.org', password: 'long enough', name: 'Cleo' });
    expect(await client.currentUser()).toBeNull();
    await expect(client.confirmSignUp({ id, code: '000000' })).rejects.toMatchObject({ code: 'wrong-code' });
    const { user } = await client.confirmSignUp({ id, code });
    expect(await client.currentUser()).toBe(user);
    client.start();
    await settle();
    expect(client.getState()).toMatchObject({ connection: 'live', user });
    expect(server.requests.every(({ headers }) => headers['x-starling-request'] === '1' && !headers['authorization'])).toBe(true);
  });

  it('forgets everything at log out', async () => {
    const { client, server } = setStage({ auth: { kind: 'cookie' } });
    await client.logIn({ email: 'ann@example.org', password: 'correct horse' });
    client.start();
    await settle();
    expect(client.getState().conversations).toHaveLength(1);
    await client.logOut();
    expect(client.getState()).toMatchObject({ connection: 'stopped', user: null, conversations: [], loaded: false });
    expect(server.sockets.size).toBe(0);
    expect(await client.currentUser()).toBeNull();
  });

  it('starts over as the other user when somebody else has logged in in another tab', async () => {
    const { client, server, bob, clock } = setStage({ auth: { kind: 'cookie' } });
    await client.logIn({ email: 'ann@example.org', password: 'correct horse' });
    client.start();
    await settle();
    server.addGroup('Only Bob', [bob]);
    await client.logIn({ email: 'bob@example.org', password: 'correct horse' });
    server.closeAll(4402);
    await clock.advance(1000);
    expect(client.getState()).toMatchObject({ connection: 'live', user: bob });
    expect(client.getState().conversations).toHaveLength(2);
  });

  it('says of every call for whom it is meant, but of none that asks who is logged in', async () => {
    const { tab, server, ann, bob } = await openTwoTabs();
    await tab.openPrivate(bob);
    await tab.logOut();
    const shown = server.requests.map(({ method, path, headers }) => [`${method} ${path}`, headers['x-starling-user']]);
    const asking = ['POST /v1/sessions', 'GET /v1/sessions/current'];
    for (const [call, user] of shown) expect([call, user]).toEqual([call, asking.includes(call!) ? undefined : ann]);
    expect(new Set(shown.map(([call]) => call))).toContain('POST /v1/socket-token');
    expect(new Set(shown.map(([call]) => call))).toContain('DELETE /v1/sessions/current');
  });

  it('does nothing as somebody else who has logged in in another tab, and says so', async () => {
    const { tab, other, server, group, bob } = await openTwoTabs();
    await tab.logIn(BOB);
    await settle();
    expect(tab.getState()).toMatchObject({ connection: 'live', user: bob });
    await expect(other.rename(group, 'Taken over')).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(server.log.rooms.get(group)?.state.name).toBe('Birds');
    expect(other.getState()).toMatchObject({
      connection: 'failed',
      failure: { kind: 'other-user', message: 'Somebody else has logged in, in another tab.' },
    });
    // Its socket is gone as well, and the other's session is not ended by leaving.
    expect([...server.sockets].map(({ user }) => user)).toEqual([bob]);
    await other.logOut();
    expect(await tab.currentUser()).toBe(bob);
  });

  it('ends at the first call after the session did, with its socket, and goes on where it was after logging in', async () => {
    const { tab, other, server, group } = await openTwoTabs();
    await tab.logOut();
    expect(other.getState().connection).toBe('live');
    await expect(other.me()).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(other.getState()).toMatchObject({ connection: 'failed', failure: { kind: 'logged-out', message: 'Your session has ended.' } });
    expect(server.sockets.size).toBe(0);
    other.send(group, 'written before');
    await other.logIn(ANN);
    other.start();
    await settle();
    expect(pending({ client: other, group })).toEqual([]);
    expect(server.log.rooms.get(group)?.messages.map(({ body }) => body)).toEqual(['written before']);
  });

  it('shows nothing of the one before, not for a moment, when another logs in after the session ended', async () => {
    const { tab, other, ann, bob } = await openTwoTabs();
    await tab.logOut();
    other.endSession('logged-out');
    expect(other.getState().user).toBe(ann);
    await other.logIn(BOB);
    expect(other.getState()).toMatchObject({ user: null, conversations: [] });
    other.start();
    await settle();
    expect(other.getState().user).toBe(bob);
  });

  it('takes no late answer to a call of an earlier session for the end of the present one', async () => {
    const { tab, server } = await openTwoTabs();
    const held = Promise.withResolvers<undefined>();
    server.onRequest = async ({ path }) => {
      if (path !== '/v1/users/me') return undefined;
      await held.promise;
      return 'unauthenticated';
    };
    const late = tab.me().catch((error: Error) => error.name);
    await tab.logOut();
    await tab.logIn(ANN);
    tab.start();
    await settle();
    held.resolve(undefined);
    expect(await late).toBe('ApiError');
    expect(tab.getState().connection).toBe('live');
  });

  it('asks for the second factor, and is nobody until it has it', async () => {
    const { client, server, ann } = setStage({ auth: { kind: 'cookie' } });
    server.identity.accounts.get(ann)!.totp = '246810';
    const result = await client.logIn(ANN);
    if (!('secondFactor' in result)) return expect.fail('the log-in should want a second factor');
    const { challenge, methods } = result.secondFactor;
    expect(methods).toEqual(['totp']);
    expect(await client.currentUser()).toBeNull();
    await expect(client.completeLogIn({ challenge, method: 'totp', code: '000000' })).rejects.toMatchObject({ code: 'wrong-code' });
    expect(await client.completeLogIn({ challenge, method: 'totp', code: '246810' })).toEqual({ user: ann });
    client.start();
    await settle();
    expect(client.getState()).toMatchObject({ connection: 'live', user: ann });
  });

  it('gives the problem of a wrong password', async () => {
    const { client } = setStage({ auth: { kind: 'cookie' } });
    await expect(client.logIn({ email: 'ann@example.org', password: 'wrong' })).rejects.toMatchObject({
      name: 'ApiError',
      code: 'wrong-credentials',
      message: 'Email or password is wrong',
    });
  });
});
