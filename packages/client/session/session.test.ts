import { describe, expect, it } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import { setStage } from '../testing/start-client.ts';

describe('session by cookie', () => {
  it('signs up, is known afterwards, and connects with a token for the socket', async () => {
    const { client, server } = setStage({ auth: { kind: 'cookie' } });
    expect(await client.currentUser()).toBeNull();
    const { user } = await client.signUp({ email: 'cleo@example.org', password: 'long enough', name: 'Cleo' });
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

  it('gives the problem of a wrong password', async () => {
    const { client } = setStage({ auth: { kind: 'cookie' } });
    await expect(client.logIn({ email: 'ann@example.org', password: 'wrong' })).rejects.toMatchObject({
      name: 'ApiError',
      code: 'wrong-credentials',
      message: 'Email or password is wrong',
    });
  });
});

describe('session by password', () => {
  it('gets one token for calls at once, and a new one before it expires', async () => {
    const { client, server, clock } = setStage();
    await Promise.all([client.me(), client.me()]);
    const tokens = () => server.requests.filter(({ path }) => path === '/v1/token').length;
    expect(tokens()).toBe(1);
    await clock.advance(200_000);
    await client.me();
    expect(tokens()).toBe(1);
    await clock.advance(15_000);
    await client.me();
    expect(tokens()).toBe(2);
  });

  it('gets a new token when the server does not take the present one', async () => {
    const { client, server } = setStage();
    await client.me();
    let refusals = 1;
    server.onRequest = ({ path }) => (path === '/v1/users/me' && refusals-- > 0 ? 'unauthenticated' : undefined);
    expect((await client.me()).name).toBe('Ann');
  });
});
