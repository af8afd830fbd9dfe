import type { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { Connection } from '../gateway/connection.ts';
import { Flusher } from '../gateway/flusher.ts';
import { Room } from './room.ts';

const flusher = new Flusher();

/** A connection, and what each write to its stream held. */
function createListener() {
  const writes: Buffer[] = [];
  const stream = { write: (bytes: Buffer) => writes.push(bytes), writableLength: 0, destroyed: false };
  const connection = new Connection({
    socket: {} as WebSocket,
    stream: stream as unknown as Duplex,
    identity: {
      user: '',
      session: '',
      token: '',
      scope: '',
      origin: undefined,
      role: 'member' as const,
      issuedAt: 0,
      tokenId: '',
      expiresAt: 0,
    },
    maxBytes: 64 * 1024 * 1024,
    requestFlush: flusher.request,
    onDrop() {},
  });
  return { connection, writes };
}

function createRoom(size: number) {
  const room = new Room();
  const listeners = Array.from({ length: size }, createListener);
  for (const [index, { connection }] of listeners.entries()) {
    const participation = { rev: 1, spans: [{ role: 'member', from: 0, to: null, visibleFrom: 0 }] };
    room.occupants.set(`user-${index}`, { participation, connections: new Set([connection]) });
  }
  return { room, listeners };
}

/** Brings frames to a room in one turn, as the tail does, and resolves when all of them have been brought to everyone. */
async function deliverTogether(room: Room, frames: Buffer[]): Promise<void> {
  const delivered = frames.map((frame, offset) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    room.deliver({ topic: 'conversations', partition: 0, offset, position: offset, frame, done: resolve });
    return promise;
  });
  await Promise.all(delivered);
  await new Promise((resolve) => setImmediate(resolve));
}

it.each([10, 1_201])('what a room of %i gets in one turn, each socket gets in one write', async (size) => {
  const { room, listeners } = createRoom(size);
  await deliverTogether(room, ['one ', 'two ', 'three'].map(Buffer.from));
  for (const { writes } of listeners) expect(writes.map(String)).toEqual(['one two three']);
});

it('also those of whom one left in between', async () => {
  const { room, listeners } = createRoom(1_201);
  const leaving = room.occupants.get('user-700') ?? expect.fail('there is no such occupant');
  leaving.participation = { rev: 2, spans: [{ role: 'member', from: 0, to: 1, visibleFrom: 0 }] };
  await deliverTogether(room, ['one ', 'two ', 'three'].map(Buffer.from));
  for (const [index, { writes }] of listeners.entries()) expect(writes.map(String)).toEqual([index === 700 ? 'one two ' : 'one two three']);
});

it('a walk holds no more than a part of a megabyte, so that no socket is taken for slow', async () => {
  const { room, listeners } = createRoom(600);
  await deliverTogether(
    room,
    Array.from({ length: 9 }, () => Buffer.alloc(100 * 1024)),
  );
  for (const { writes } of listeners) {
    const lengths = writes.map(({ length }) => length);
    expect(Math.max(...lengths)).toBeLessThan(512 * 1024);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(9 * 100 * 1024);
  }
});
