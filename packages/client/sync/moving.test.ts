import { CLOSE_CODES, type ServerFrame } from '@starling/contracts/socket';
import { describe, expect, it } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import type { FakeServer } from '../testing/fake-server.ts';
import { pending, type Stage, shownBodies, startClient } from '../testing/start-client.ts';

const HINT: ServerFrame = { type: 'reconnect', withinMs: 1000 };

function resumes(server: FakeServer) {
  return server.frames.filter((frame) => frame.type === 'resume');
}

/** Every state of the connection that the client shows from now on. */
function watchConnection({ client }: Stage): Set<string> {
  const seen = new Set<string>();
  client.subscribe(() => seen.add(client.getState().connection));
  return seen;
}

describe('a hint to connect anew', () => {
  it('is followed at a random moment by another socket, to which the client goes over without having been away', async () => {
    const stage = await startClient();
    const { server, client, bob, group, clock } = stage;
    const seen = watchConnection(stage);
    await client.openConversation(group);
    const [old] = server.sockets;
    server.post(group, bob, 'before');
    server.broadcast(HINT);
    await clock.advance(499);
    server.post(group, bob, 'meanwhile');
    expect([server.sockets.size, server.sockets.has(old!)]).toEqual([1, true]);
    await clock.advance(1);
    expect(server.sockets.size).toBe(1);
    expect(server.sockets.has(old!)).toBe(false);
    server.post(group, bob, 'after');
    expect(shownBodies(stage)).toEqual(['before', 'meanwhile', 'after']);
    expect([...seen]).toEqual(['live']);
    expect(resumes(server)).toHaveLength(2);
    expect(server.requests.filter(({ path }) => path === '/v1/snapshot')).toHaveLength(1);
    // The new socket is left in the same way.
    server.broadcast(HINT);
    await clock.advance(1000);
    expect(resumes(server)).toHaveLength(3);
    expect(server.sockets.size).toBe(1);
  });

  it('takes in what comes over both sockets, once, and keeps the order', async () => {
    const stage = await startClient();
    const { server, client, bob, group, clock } = stage;
    await client.openConversation(group);
    server.sendCursors();
    server.post(group, bob, 'one');
    server.post(group, bob, 'two');
    const [old] = server.sockets;
    // The other server greets, and takes its time for the replay.
    const { onFrame } = server;
    const held: (() => void)[] = [];
    server.onFrame = (socket, text) => void held.push(() => onFrame.call(server, socket, text));
    server.broadcast(HINT);
    await clock.advance(1000);
    expect(server.sockets.size).toBe(2);
    server.post(group, bob, 'three');
    expect(shownBodies(stage)).toEqual(['one', 'two', 'three']);
    for (const release of held) release();
    await settle();
    expect(server.sockets.has(old!)).toBe(false);
    server.post(group, bob, 'four');
    expect(shownBodies(stage)).toEqual(['one', 'two', 'three', 'four']);
    expect(client.getState().conversations[0]?.lastMessage?.body).toBe('four');
  });

  it('lets no post be lost or doubled whose answer would have come over the old socket', async () => {
    const stage = await startClient();
    const { server, client, group, clock } = stage;
    await client.openConversation(group);
    server.onPost = () => 'store-silently';
    const { outcome } = client.send(group, 'stored, not answered');
    client.send(group, 'next');
    await settle();
    server.onPost = () => 'store';
    server.broadcast(HINT);
    await clock.advance(1000);
    expect(await outcome).toMatchObject({ status: 'ok' });
    await settle();
    expect(shownBodies(stage)).toEqual(['stored, not answered', 'next']);
    expect(pending(stage)).toEqual([]);
    const sends = server.frames.filter((frame) => frame.type === 'send').map(({ body, retry }) => [body, retry]);
    expect(sends.at(-1)).toEqual(['next', undefined]);
  });

  it('sends what was lost with the old socket again, as a retry', async () => {
    const stage = await startClient();
    const { server, client, group, clock } = stage;
    await client.openConversation(group);
    server.onPost = () => 'lose';
    client.send(group, 'lost');
    await settle();
    server.onPost = () => 'store';
    server.broadcast(HINT);
    await clock.advance(1000);
    expect(server.frames.filter((frame) => frame.type === 'send').map(({ retry }) => retry)).toEqual([undefined, true]);
    expect(shownBodies(stage)).toEqual(['lost']);
  });

  it('leaves the client where it is if there is no other server, and can come again', async () => {
    const stage = await startClient();
    const { server, bob, group, clock, client } = stage;
    const seen = watchConnection(stage);
    await client.openConversation(group);
    const [old] = server.sockets;
    server.onUpgrade = () => 'refuse';
    server.broadcast(HINT);
    await clock.advance(30_000);
    expect([server.sockets.size, server.sockets.has(old!)]).toEqual([1, true]);
    server.post(group, bob, 'still here');
    expect(shownBodies(stage)).toEqual(['still here']);
    server.onUpgrade = () => 'accept';
    server.broadcast(HINT);
    await clock.advance(1000);
    expect(server.sockets.has(old!)).toBe(false);
    expect([...seen]).toEqual(['live']);
  });

  it('is followed at the earliest moment of several, and again if one that came first led nowhere', async () => {
    const { server, clock } = await startClient();
    const [old] = server.sockets;
    server.broadcast({ ...HINT, withinMs: 10_000 });
    await clock.advance(100);
    server.onUpgrade = () => 'hang';
    server.broadcast(HINT);
    server.broadcast({ ...HINT, withinMs: 8_000 });
    await clock.advance(600);
    expect(server.sockets.has(old!)).toBe(true);
    // The attempt is given up after 10 s; this was said meanwhile.
    server.broadcast(HINT);
    server.onUpgrade = () => 'accept';
    await clock.advance(9_800);
    expect(server.sockets.has(old!)).toBe(true);
    await clock.advance(200);
    expect([server.sockets.size, server.sockets.has(old!)]).toEqual([1, false]);
  });

  it('comes too late for a socket that is closed while the other is not open yet: the client connects as always', async () => {
    const stage = await startClient();
    const { server, bob, group, clock, client } = stage;
    await client.openConversation(group);
    const { onOpen } = server;
    let open = () => {};
    server.onOpen = (socket) => {
      open = () => onOpen.call(server, socket);
    };
    server.broadcast(HINT);
    await clock.advance(600);
    server.onOpen = onOpen;
    server.closeAll(CLOSE_CODES.restarting.code);
    await settle();
    expect(client.getState().connection).toBe('waiting');
    server.post(group, bob, 'meanwhile');
    await clock.advance(500);
    expect(client.getState().connection).toBe('live');
    expect(shownBodies(stage)).toEqual(['meanwhile']);
    open();
    await settle();
    expect(resumes(server)).toHaveLength(2);
  });

  it('is of no consequence after stop', async () => {
    const { server, client, clock } = await startClient();
    server.onUpgrade = () => 'hang';
    server.broadcast(HINT);
    await clock.advance(600);
    server.onUpgrade = () => 'accept';
    client.stop();
    await clock.advance(60_000);
    expect(server.sockets.size).toBe(0);
    expect(resumes(server)).toHaveLength(1);
  });
});

describe('a frame that is not known', () => {
  it('is passed over', async () => {
    const stage = await startClient();
    const { server, bob, group, client } = stage;
    await client.openConversation(group);
    server.broadcast({ type: 'of-later' } as unknown as ServerFrame);
    server.post(group, bob, 'hello');
    expect(shownBodies(stage)).toEqual(['hello']);
    expect(client.getState().connection).toBe('live');
  });
});

describe('an upgrade that is refused with Retry-After', () => {
  it('is tried again after that and up to half as much, with the same token, where the answer can be seen', async () => {
    const { server, client, clock } = await startClient();
    let tries = 0;
    server.onUpgrade = () => {
      tries++;
      return { retryAfter: 8 };
    };
    server.closeAll(CLOSE_CODES.restarting.code);
    await clock.advance(500);
    expect(tries).toBe(1);
    await clock.advance(8_000 + 1_700);
    expect(tries).toBe(1);
    server.onUpgrade = () => 'accept';
    await clock.advance(400);
    expect(client.getState().connection).toBe('live');
    expect(server.requests.filter(({ path }) => path === '/v1/token/refresh')).toHaveLength(0);
  });
});
