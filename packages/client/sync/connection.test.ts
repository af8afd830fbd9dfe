import { CLOSE_CODES } from '@starling/contracts/socket';
import { describe, expect, it } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import type { FakeServer } from '../testing/fake-server.ts';
import { setStage, shownBodies, startClient } from '../testing/start-client.ts';

function asked(server: FakeServer, path: string): number {
  return server.requests.filter((request) => request.path === path).length;
}

function resumes(server: FakeServer) {
  return server.frames.filter((frame) => frame.type === 'resume');
}

describe('connection', () => {
  it('resumes from the cursor after a restart and gets what it missed, from the last cursor frame on', async () => {
    const stage = await startClient();
    const { server, client, bob, group, clock } = stage;
    await client.openConversation(group);
    server.post(group, bob, 'one');
    server.sendCursors();
    const cursor = server.log.end();
    server.post(group, bob, 'two');
    server.closeAll(CLOSE_CODES.restarting.code);
    expect(client.getState().connection).toBe('live');
    await settle();
    expect(client.getState().connection).toBe('waiting');
    server.post(group, bob, 'three');
    await clock.advance(500);
    expect(client.getState().connection).toBe('live');
    expect(shownBodies(stage)).toEqual(['one', 'two', 'three']);
    expect(resumes(server).at(-1)?.cursor).toEqual(cursor);
    expect(asked(server, '/v1/snapshot')).toBe(1);
    expect(asked(server, '/v1/token')).toBe(1);
  });

  it('loads everything anew on resync, without showing a hole', async () => {
    const stage = await startClient();
    const { server, client, bob, group, clock } = stage;
    await client.openConversation(group);
    server.post(group, bob, 'old');
    server.closeAll(CLOSE_CODES.resync.code);
    for (let index = 0; index < 80; index++) server.post(group, bob, `m${index}`);
    await clock.advance(1000);
    expect(asked(server, '/v1/snapshot')).toBe(2);
    expect(shownBodies(stage)).toEqual(Array.from({ length: 50 }, (_, index) => `m${index + 30}`));
    expect(client.getState().ranges.get(group)?.more).toBe(true);
    expect(resumes(server).at(-1)?.cursor).toEqual(server.log.end());
  });

  it('gets a new token of the same session when the server asks for one', async () => {
    const { server, client, clock } = await startClient();
    server.closeAll(CLOSE_CODES.expired.code);
    await clock.advance(1000);
    expect(client.getState().connection).toBe('live');
    expect([asked(server, '/v1/token'), asked(server, '/v1/token/refresh')]).toEqual([1, 1]);
    expect(asked(server, '/v1/snapshot')).toBe(1);
  });

  it('stops for good when the server will not have it, and says why', async () => {
    const { server, client, clock } = await startClient();
    server.closeAll(CLOSE_CODES['invalid-frame'].code, 'the frame is not valid');
    await clock.advance(60_000);
    expect(client.getState()).toMatchObject({
      connection: 'failed',
      failure: { kind: 'refused', message: 'the frame is not valid' },
    });
    expect(server.sockets.size).toBe(0);
  });

  it('says that the session has ended when no token is given any more', async () => {
    const { server, client, clock } = await startClient();
    server.identity.sessions.clear();
    server.onRequest = ({ path }) => (path === '/v1/token' ? 'wrong-credentials' : undefined);
    server.closeAll(CLOSE_CODES.unauthenticated.code);
    await clock.advance(1000);
    expect(client.getState()).toMatchObject({ connection: 'failed', failure: { kind: 'logged-out' } });
  });

  it('waits longer and longer while upgrades fail, with a new token each time, and at once after a nudge', async () => {
    const { server, client, clock } = await startClient();
    server.onUpgrade = () => 'refuse';
    server.closeAll(1006);
    await clock.advance(10_000);
    const tries = asked(server, '/v1/token/refresh');
    expect(tries).toBeGreaterThanOrEqual(5);
    expect(tries).toBeLessThanOrEqual(8);
    await clock.advance(20_000);
    expect(asked(server, '/v1/token/refresh') - tries).toBeLessThanOrEqual(3);
    server.onUpgrade = () => 'accept';
    client.nudge();
    await settle();
    expect(client.getState().connection).toBe('live');
    server.closeAll(CLOSE_CODES.restarting.code);
    await clock.advance(500);
    expect(client.getState().connection).toBe('live');
  });

  it('leaves a connection that does not greet within 10 s', async () => {
    const { server, client, clock } = setStage();
    server.onUpgrade = () => 'hang';
    client.start();
    await clock.advance(9_999);
    expect(client.getState().connection).toBe('connecting');
    server.onUpgrade = () => 'accept';
    await clock.advance(500);
    expect(client.getState().connection).toBe('live');
  });

  it('takes 40 s of silence for a dead connection, and less after a hint', async () => {
    const { server, client, clock } = await startClient();
    await clock.advance(30_000);
    server.sendCursors();
    await clock.advance(39_000);
    expect(resumes(server)).toHaveLength(1);
    await clock.advance(2_000);
    expect(resumes(server)).toHaveLength(2);
    client.nudge();
    await clock.advance(1_000);
    expect(resumes(server)).toHaveLength(2);
    await clock.advance(17_000);
    client.nudge();
    await clock.advance(1_000);
    expect(resumes(server)).toHaveLength(3);
  });

  it('shows a new token over the open socket before the present one expires', async () => {
    const { server, client, clock } = setStage({ auth: { kind: 'cookie' } });
    await client.logIn({ email: 'ann@example.org', password: 'correct horse' });
    client.start();
    await settle();
    const beats = async (count: number) => {
      for (let beat = 0; beat < count; beat++) {
        await clock.advance(15_000);
        server.sendCursors();
      }
    };
    const authenticated = () => server.frames.filter(({ type }) => type === 'authenticate').length;
    await beats(13);
    expect(authenticated()).toBe(0);
    await beats(1);
    expect(authenticated()).toBe(1);
    await beats(14);
    expect(authenticated()).toBe(2);
    expect(resumes(server)).toHaveLength(1);
  });

  it('shows a refreshed token over the open socket too, and comes back if the session is another one', async () => {
    const { server, client, clock } = await startClient();
    const beats = async () => {
      for (let beat = 0; beat < 14; beat++) {
        await clock.advance(15_000);
        server.sendCursors();
      }
    };
    await beats();
    expect(server.frames.filter(({ type }) => type === 'authenticate')).toHaveLength(1);
    expect(resumes(server)).toHaveLength(1);
    server.identity.sessions.clear();
    await beats();
    await clock.advance(1000);
    expect(server.frames.filter(({ type }) => type === 'authenticate')).toHaveLength(2);
    expect(resumes(server)).toHaveLength(2);
    expect(asked(server, '/v1/token')).toBe(2);
    expect(client.getState().connection).toBe('live');
  });

  it('reckons the token by the server clock when its own is an hour ahead', async () => {
    const stage = setStage();
    const { server, clock } = stage;
    const ahead = { now: () => clock.now() + 3_600_000, after: clock.after.bind(clock) };
    const { createClient } = await import('../client.ts');
    const client = createClient({
      baseUrl: 'http://starling.test',
      auth: { kind: 'password', email: 'ann@example.org', password: 'correct horse' },
      fetch: server.createFetch(),
      WebSocket: server.WebSocket,
      clock: ahead,
    });
    client.start();
    await clock.advance(1000);
    expect(client.getState().connection).toBe('live');
    expect(asked(server, '/v1/token')).toBe(1);
    const { client: id } = client.send(stage.group, 'stamped');
    expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(clock.now());
  });

  it('is still after stop, and starts anew', async () => {
    const stage = await startClient();
    const { server, client, bob, group, clock } = stage;
    client.stop();
    await clock.advance(60_000);
    expect(server.sockets.size).toBe(0);
    expect(client.getState().connection).toBe('stopped');
    server.post(group, bob, 'meanwhile');
    client.start();
    await settle();
    expect(client.getState().conversations[0]?.lastMessage?.body).toBe('meanwhile');
  });
});
