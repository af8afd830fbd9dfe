import { PassThrough } from 'node:stream';
import type { Span } from '@starling/contracts/log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { Connection } from '../gateway/connection.ts';
import { Flusher } from '../gateway/flusher.ts';
import { deliverToConnection, type Occupant, Room } from './room.ts';
import { Settled } from './settled.ts';

/** A connection, and the offsets that were written to it. */
interface Listener {
  connection: Connection;
  offsets: number[];
}

const flusher = new Flusher();

function createListener(): Listener {
  const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
  const offsets: number[] = [];
  // Only the gateway's side of the socket matters here: no frame is written through it.
  const socket = { close() {}, terminate() {} } as unknown as WebSocket;
  const identity = {
    user: '',
    session: '',
    token: '',
    scope: '',
    origin: undefined,
    role: 'member' as const,
    issuedAt: 0,
    tokenId: '',
    expiresAt: 0,
  };
  const connection = new Connection({ socket, stream, identity, maxBytes: 1024 * 1024, requestFlush: flusher.request, onDrop() {} });
  stream.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 4) offsets.push(bytes.readUInt32BE(at));
  });
  return { connection, offsets };
}

function frameOf(offset: number): Buffer {
  const frame = Buffer.alloc(4);
  frame.writeUInt32BE(offset);
  return frame;
}

const OPEN: Span = { role: 'member', from: 0, to: null, visibleFrom: 0 };

/** A room as `fanOut` uses it, with as many occupants, each with one connection. */
function createRoom(size: number, spans: Span[] = [OPEN]) {
  const room = new Room();
  const settled = new Settled(0);
  const listeners: Listener[] = [];
  for (let index = 0; index < size; index++) {
    const listener = createListener();
    listeners.push(listener);
    const occupant: Occupant = { participation: { rev: 1, spans }, connections: new Set([listener.connection]) };
    room.occupants.set(`user-${index}`, occupant);
  }
  return {
    room,
    settled,
    listeners,
    deliver(offset: number, done = () => {}) {
      settled.begin(offset);
      room.deliver({
        topic: 'conversations',
        partition: 0,
        offset,
        position: offset,
        frame: frameOf(offset),
        done() {
          done();
          settled.end(offset);
        },
      });
      settled.advance(offset + 1);
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 10_000) throw new Error('it never came to that');
    await turn();
  }
}

const occupantAt = (room: Room, index: number): Occupant => room.occupants.get(`user-${index}`) ?? expect.fail('there is no such occupant');

describe('a small room', () => {
  it('gets an event at once', async () => {
    const { deliver, listeners, settled } = createRoom(500);
    deliver(0);
    expect(settled.offset).toBe(1);
    expect(listeners.every(({ connection }) => connection.waitingBytes === 4 && connection.cursorDue)).toBe(true);
    await until(() => listeners.every(({ offsets }) => offsets.length === 1));
  });

  it('brings an event only to those who may receive it', async () => {
    const { deliver, listeners } = createRoom(1, [
      { ...OPEN, from: 2, to: 4 },
      { ...OPEN, from: 6, to: null },
    ]);
    for (let offset = 0; offset < 8; offset++) deliver(offset);
    await turn();
    expect(listeners[0]?.offsets).toEqual([2, 3, 4, 6, 7]);
  });
});

it('a room says how many sockets an event is for', () => {
  const { room } = createRoom(2, [{ ...OPEN, from: 5, to: 9 }]);
  const connections = new Set([createListener().connection, createListener().connection]);
  room.occupants.set('on two devices', { participation: { rev: 1, spans: [OPEN] }, connections });
  expect([4, 5, 9, 10].map((position) => room.countSockets(position))).toEqual([2, 4, 4, 2]);
});

describe('a large room', () => {
  const SIZE = 1_201;

  it('is walked in parts, and nothing is settled before the walk is finished', async () => {
    const { room, deliver, listeners, settled } = createRoom(SIZE);
    let done = false;
    deliver(0, () => {
      done = true;
    });
    const reached: number[] = [];
    while (!done) {
      expect([settled.offset, room.empty]).toEqual([0, false]);
      reached.push(listeners.filter(({ connection, offsets }) => connection.waitingBytes > 0 || offsets.length > 0).length);
      await turn();
    }
    expect(settled.offset).toBe(1);
    // Others had turns in between.
    expect(new Set(reached).size).toBeGreaterThan(2);
    await until(() => listeners.every(({ offsets }) => offsets.length === 1));
  });

  it('gets events in order, each once, and settles none before all of them are written to everyone', async () => {
    const { deliver, listeners, settled } = createRoom(SIZE);
    const finished: number[] = [];
    let next = 0;
    const begin = (count: number) => {
      for (let index = 0; index < count; index++, next++) {
        const offset = next;
        deliver(offset, () => {
          for (const { connection, offsets } of listeners)
            if (connection.waitingBytes === 0 && (offsets.at(-1) ?? -1) < offset) expect.fail('it was not written yet');
          finished.push(offset);
        });
      }
    };
    begin(3);
    for (const more of [1, 150, 0, 2, 5]) {
      await turn();
      expect(settled.offset).toBe(finished.length);
      begin(more);
    }
    await until(() => finished.length === next);
    expect(settled.offset).toBe(next);
    const all = Array.from({ length: next }, (_, offset) => offset);
    expect(finished).toEqual(all);
    await until(() => listeners.every(({ offsets }) => offsets.length >= next));
    for (const { offsets } of listeners) expect(offsets).toEqual(all);
  });

  it('brings no event twice to a connection that became live during its walk', async () => {
    const { room, deliver, listeners, settled } = createRoom(SIZE);
    deliver(0);
    deliver(1);
    await turn();
    expect(settled.offset).toBe(0);
    // These resume now: 0 and 1 come by their replay, and they are live from 2 on.
    const liveFrom = { conversations: [2], receipts: [0], users: [0] };
    const late = [0, SIZE - 1].map((index) => {
      const listener = createListener();
      listener.connection.liveFrom = liveFrom;
      occupantAt(room, index).connections.add(listener.connection);
      return listener;
    });
    const newcomer = createListener();
    newcomer.connection.liveFrom = liveFrom;
    room.occupants.set('newcomer', { participation: { rev: 1, spans: [OPEN] }, connections: new Set([newcomer.connection]) });
    deliver(2);
    await until(() => settled.offset === 3);
    await until(() => [...late, newcomer].every(({ offsets }) => offsets.length > 0));
    for (const { offsets } of [...late, newcomer]) expect(offsets).toEqual([2]);
    for (const { offsets } of listeners) expect(offsets).toEqual([0, 1, 2]);
  });

  it('brings nothing to who left during the walk, and what was theirs to who was removed during it', async () => {
    const { room, deliver, listeners, settled } = createRoom(SIZE);
    deliver(0);
    await turn();
    room.occupants.delete(`user-${SIZE - 1}`);
    // The removal stands at 1: it is the last that is theirs.
    const removed = occupantAt(room, SIZE - 2);
    removed.participation = { rev: 2, spans: [{ ...OPEN, to: 1 }] };
    deliver(1);
    deliver(2);
    await until(() => settled.offset === 3);
    await turn();
    expect(listeners[SIZE - 1]?.offsets).toEqual([]);
    expect(listeners[SIZE - 2]?.offsets).toEqual([0, 1]);
    expect(listeners[0]?.offsets).toEqual([0, 1, 2]);
  });

  it('keeps the order when it becomes small while events wait', async () => {
    const { room, deliver, listeners, settled } = createRoom(SIZE);
    deliver(0);
    await turn();
    // One who has been visited stays, and one who has not.
    for (let index = 1; index < SIZE - 1; index++) room.occupants.delete(`user-${index}`);
    deliver(1);
    deliver(2);
    await until(() => settled.offset === 3);
    deliver(3);
    expect(settled.offset).toBe(4);
    await turn();
    expect([listeners[0]?.offsets, listeners[SIZE - 1]?.offsets]).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
  });
});

describe('rooms beside one another', () => {
  it('settle no further than the slowest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ large: fc.boolean(), wait: fc.boolean() }), { minLength: 1, maxLength: 12 }), async (list) => {
        const settled = new Settled(0);
        const rooms = { large: createRoom(600).room, small: createRoom(2).room };
        const walking = new Set<number>();
        for (const [offset, { large, wait }] of list.entries()) {
          settled.begin(offset);
          walking.add(offset);
          const done = () => {
            walking.delete(offset);
            settled.end(offset);
          };
          rooms[large ? 'large' : 'small'].deliver({
            topic: 'conversations',
            partition: 0,
            offset,
            position: offset,
            frame: frameOf(offset),
            done,
          });
          settled.advance(offset + 1);
          if (wait) await turn();
          expect(settled.offset).toBe(Math.min(offset + 1, ...walking));
        }
        await until(() => walking.size === 0);
        expect(settled.offset).toBe(list.length);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a connection', () => {
  it('gets what is not before the place where it became live, by topic and partition', () => {
    const { connection } = createListener();
    connection.liveFrom = { conversations: [5, 9], receipts: [0], users: [7] };
    const count = (topic: 'conversations' | 'users', partition: number, offset: number) => {
      const before = connection.waitingBytes;
      deliverToConnection(connection, { topic, partition, offset, frame: frameOf(offset) });
      return (connection.waitingBytes - before) / 4;
    };
    expect([
      count('conversations', 0, 4),
      count('conversations', 0, 5),
      count('conversations', 1, 8),
      count('conversations', 1, 9),
      count('users', 0, 6),
      count('users', 0, 7),
    ]).toEqual([0, 1, 0, 1, 0, 1]);
    connection.liveFrom = undefined;
    expect(count('conversations', 0, 0)).toBe(1);
  });
});
