import { type Cursor, partitionOf, positionOf } from '@starling/contracts/log';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chat, openSocket, type Person, type Socket, startChat } from './harness.ts';

const AT_ONCE = 20;

describe('resuming', () => {
  let chat: Chat;
  let ann: Person;
  let bob: Person;

  beforeAll(async () => {
    chat = await startChat();
    [ann, bob] = [await chat.signUp('Ann'), await chat.signUp('Bob')];
  });
  afterAll(() => chat.stop());

  async function settledCursor(socket: Socket, position: number): Promise<Cursor> {
    const event = await socket.find('event', (frame) => frame.position === position);
    return waitFor(() =>
      socket.frames
        .slice(socket.frames.indexOf(event))
        .flatMap((frame) => (frame.type === 'cursor' ? [frame.cursor] : []))
        .at(-1),
    );
  }

  it('brings exactly what is missing, from every cursor, on every socket', async () => {
    const group = await ann.createGroup('Resume', [bob]);
    const solo = await bob.createGroup('Only Bob', []);
    const observers = {
      ann: await ann.connect({ ...(await ann.snapshot()).cursor, conversations: [0, 0], users: [0, 0] }),
      bob: await bob.connect({ ...(await bob.snapshot()).cursor, conversations: [0, 0], users: [0, 0] }),
    };
    // Profiles are announced a moment after the sign-up: nothing else may come while the cursors are tried.
    for (const observer of Object.values(observers)) await observer.find('event', (frame) => frame.kind === 'profile.updated');
    for (let number = 0; number < 30; number++) {
      await ann.post(group.id, `both ${number}`);
      await bob.post(solo.id, `bob ${number}`);
    }
    const { position } = (await ann.post(group.id, 'last')).body;
    const head = await settledCursor(observers.ann, position);
    await settledCursor(observers.bob, position);
    const identityOf = (frame: { topic: string; position: number; key: string }) => `${frame.topic} ${frame.key} ${frame.position}`;
    const full = { ann: observers.ann.events(), bob: observers.bob.events() };
    expect(full.bob.length).toBeGreaterThan(full.ann.length + 29);

    const cursors: Cursor[] = [];
    head.conversations.forEach((end, partition) => {
      for (let next = 0; next <= end; next++)
        cursors.push({ ...head, conversations: head.conversations.map((offset, index) => (index === partition ? next : offset)) });
    });
    head.users.forEach((end, partition) => {
      for (let next = 0; next <= end; next++)
        cursors.push({ ...head, users: head.users.map((offset, index) => (index === partition ? next : offset)) });
    });
    for (const who of ['ann', 'ann', 'bob'] as const) {
      const person = { ann, bob }[who];
      for (let first = 0; first < cursors.length; first += AT_ONCE) {
        await Promise.all(
          cursors.slice(first, first + AT_ONCE).map(async (cursor) => {
            const expected = full[who].filter((frame) => {
              const offsets = cursor[frame.topic];
              return frame.position >= positionOf(cursor.epoch, offsets[partitionOf(frame.key, offsets.length)] ?? 0);
            });
            const socket = await person.connect(cursor);
            await socket.find('live');
            expect(socket.events().map(identityOf).sort()).toEqual(expected.map(identityOf).sort());
            for (const key of new Set(expected.map((frame) => frame.key))) {
              expect(socket.events().filter((frame) => frame.key === key)).toEqual(expected.filter((frame) => frame.key === key));
            }
            const live = socket.frames.findIndex((frame) => frame.type === 'live');
            expect(socket.frames[live - 1]).toMatchObject({ type: 'cursor', cursor: head });
            await socket.close();
          }),
        );
      }
    }
    await Promise.all(Object.values(observers).map((observer) => observer.close()));
  });

  it('joins replay and live events without a gap or a double while messages come', async () => {
    const group = await ann.createGroup('Busy', [bob]);
    const start = (await bob.snapshot()).cursor;
    let posting = true;
    let posted = 0;
    const writer = (async () => {
      while (posting) {
        await ann.post(group.id, `busy ${posted}`);
        posted++;
      }
    })();
    await waitFor(() => posted > 20);
    const sockets: Socket[] = [];
    for (let round = 0; round < 20; round++) sockets.push(await bob.connect(start));
    for (const socket of sockets) await socket.find('live');
    const target = posted + 10;
    await waitFor(() => posted >= target);
    posting = false;
    await writer;
    const expected = Array.from({ length: posted }, (_, number) => `busy ${number}`);
    for (const socket of sockets) {
      await waitFor(() => socket.bodies().filter((body) => body.startsWith('busy')).length >= posted);
      expect(socket.bodies().filter((body) => body.startsWith('busy'))).toEqual(expected);
      await socket.close();
    }
  });

  it('asks for a snapshot when the cursor is of another epoch, of other partitions, or beyond the end', async () => {
    const { cursor } = await ann.snapshot();
    const [first = 0, ...rest] = cursor.conversations;
    for (const foreign of [
      { ...cursor, epoch: 2 },
      { ...cursor, conversations: [first] },
      { ...cursor, conversations: [first + 1_000, ...rest] },
    ]) {
      const socket = await ann.connect(foreign);
      expect(await socket.waitClosed()).toMatchObject({ code: CLOSE_CODES.resync.code });
      expect(socket.events()).toEqual([]);
    }
  });

  it('brings the removal and nothing behind it to someone who was away when removed', async () => {
    const group = await ann.createGroup('Away', [bob]);
    const { cursor } = await bob.snapshot();
    await ann.post(group.id, 'before');
    await ann.call('DELETE', `/v1/conversations/${group.id}/participants/${bob.id}`);
    await ann.post(group.id, 'after');
    const socket = await bob.connect(cursor);
    await socket.find('live');
    expect(
      socket
        .events()
        .filter((frame) => frame.key === group.id)
        .map((frame) => frame.kind),
    ).toEqual(['message.posted', 'participant.removed']);
    await socket.close();
  });

  it('asks for a snapshot, never leaves a hole, when the ring has moved past the cursor', async () => {
    const small = await startChat({ deliveryConfig: { ringBytes: 8_000 } });
    try {
      const cat = await small.signUp('Cat');
      const group = await cat.createGroup('Small ring', []);
      const { cursor } = await cat.snapshot();
      for (let number = 0; number < 30; number++) await cat.post(group.id, `message ${number}`);
      // While the projection is behind the ring it may be told to come again first.
      const code = await waitFor(async () => {
        const late = await cat.connect(cursor);
        const closed = await late.waitClosed();
        return closed.code !== CLOSE_CODES.behind.code && closed.code;
      });
      expect(code).toBe(CLOSE_CODES.resync.code);
      const fresh = await cat.connect();
      await fresh.find('live');
      await fresh.close();
    } finally {
      await small.stop();
    }
  });

  it('does not take a cursor twice, nor wait for one for ever', async () => {
    const socket = await ann.connect();
    await socket.find('live');
    socket.send({ type: 'resume', cursor: (await ann.snapshot()).cursor });
    expect(await socket.waitClosed()).toMatchObject({ code: CLOSE_CODES['invalid-frame'].code });
    const idle = await openSocket(chat.socketUrls[0] ?? '', await chat.local.mintUserToken({ user: ann.id, scope: 'socket' }));
    expect(await waitFor(() => idle.closed, { deadline: 15_000 })).toMatchObject({ code: CLOSE_CODES.idle.code });
  });

  it('gives the same answer to a post whose id is older than what the pod remembers', async () => {
    const small = await startChat({ deliveryConfig: { ringBytes: 0 } });
    try {
      const cat = await small.signUp('Cat');
      const group = await cat.createGroup('Memory', []);
      const client = v7();
      const first = await cat.post(group.id, 'first', client);
      for (let number = 0; number < 5; number++) await cat.post(group.id, `later ${number}`);
      const again = await cat.post(group.id, 'first', client, { retry: true });
      expect(again).toEqual(first);
    } finally {
      await small.stop();
    }
  });
});
