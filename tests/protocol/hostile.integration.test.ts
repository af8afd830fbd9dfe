import { connect } from 'node:net';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chat, openSocket, type Person, startChat } from './harness.ts';

describe('peers that do not play fair', () => {
  let chat: Chat;
  let ann: Person;
  let bob: Person;

  beforeAll(async () => {
    chat = await startChat();
    [ann, bob] = [await chat.signUp('Ann'), await chat.signUp('Bob')];
  });
  afterAll(() => chat.stop());

  const port = () => Number(new URL(chat.socketUrls[0] ?? '').port);

  it('may reset a connection in the middle of an upgrade, any number of times', async () => {
    const upgrade = 'GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    for (let round = 0; round < 300; round++) {
      await new Promise<void>((resolve) => {
        const socket = connect(port(), '127.0.0.1', () => {
          socket.write(upgrade, () => {
            socket.resetAndDestroy();
            resolve();
          });
        });
        socket.on('error', () => resolve());
      });
    }
    const socket = await ann.connect();
    await socket.find('live');
    await socket.close();
  });

  it('may keep their half of a refused connection open: ours is closed all the same', async () => {
    const socket = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true });
    socket.write('GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    let ended = false;
    socket.on('data', () => {});
    socket.on('end', () => {
      ended = true;
    });
    await waitFor(() => ended);
    // Whatever is written into it now meets a connection that is gone.
    let broken = false;
    socket.on('error', () => {
      broken = true;
    });
    await waitFor(() => {
      socket.write('x');
      return broken || socket.destroyed;
    });
    socket.destroy();
  });

  it('may open only so many sockets', async () => {
    const token = await chat.local.mintUserToken({ user: bob.id, scope: 'socket' });
    const sockets = await Promise.all(Array.from({ length: 60 }, () => openSocket(chat.socketUrls[0] ?? '', token)));
    await waitFor(() => sockets.filter((socket) => socket.closed).length === 10);
    for (const socket of sockets) if (socket.closed) expect(socket.closed.code).toBe(CLOSE_CODES['too-many'].code);
    await Promise.all(sockets.map((socket) => socket.close()));
    const again = await openSocket(chat.socketUrls[0] ?? '', token);
    await again.find('hello');
    await again.close();
  });
});

describe('what was posted stays posted', () => {
  it('for its author who has been removed since, by whatever way it is asked', async () => {
    const chat = await startChat();
    const [ann, bob] = [await chat.signUp('Ann'), await chat.signUp('Bob')];
    const group = await ann.createGroup('Group', [bob]);
    const client = v7();
    const first = await bob.post(group.id, 'said', client);
    await ann.call('DELETE', `/v1/conversations/${group.id}/participants/${bob.id}`);
    expect(await bob.post(group.id, 'said', client, { retry: true })).toEqual(first);
    const socket = await bob.connect();
    await socket.find('live');
    socket.send({ type: 'send', conversation: group.id, client, body: 'said', retry: true });
    expect(await socket.find('ack')).toMatchObject({ position: first.body.position });
    expect((await bob.post(group.id, 'new', v7())).status).toBe(404);
    await socket.close();
    await chat.stop();
  });
});

describe('a slow log', () => {
  it('makes a post to a conversation that was just made wait or come again, never refused for good', async () => {
    const chat = await startChat();
    const [ann, bob] = [await chat.signUp('Ann'), await chat.signUp('Bob')];
    const socket = await ann.connect();
    await socket.find('live');
    const blocker = new pg.Client({ connectionString: chat.databaseUrl });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE log.log_head IN EXCLUSIVE MODE');
    const created = await ann.call('PUT', `/v1/conversations/private/${bob.id}`);
    expect(created.status).toBe(202);
    const client = v7();
    expect(await ann.post(created.body.id, 'early', client)).toMatchObject({ status: 503, body: { type: 'urn:starling:problem:behind' } });
    socket.send({ type: 'send', conversation: created.body.id, client, body: 'early' });
    expect((await socket.find('nack')).problem).toMatchObject({ status: 503 });
    await blocker.query('ROLLBACK');
    await blocker.end();
    await waitFor(async () => (await ann.post(created.body.id, 'early', client, { retry: true })).status === 201);
    await socket.find('event', (frame) => frame.client === client);
    expect(socket.bodies()).toEqual(['early']);
    await socket.close();
    await chat.stop();
  });
});
