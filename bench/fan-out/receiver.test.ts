import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MESSAGE } from '../peers/message.ts';
import { Receiver } from './receiver.ts';

let server: Server | undefined;
const open: Socket[] = [];

/** A peer that answers an upgrade with `greeting` and whatever else is written to the socket. */
async function startPeer(greeting: string): Promise<{ port: number; accepted: Promise<Socket> }> {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const started = createServer((socket) => {
    open.push(socket);
    socket.once('data', () => {
      socket.write(greeting);
      resolve(socket);
    });
  });
  server = started;
  await new Promise<void>((listening) => started.listen(0, '127.0.0.1', listening));
  return { port: (started.address() as { port: number }).port, accepted };
}

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
  server?.close();
});

const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\n\r\n';

describe('a receiver', () => {
  it('counts messages however their bytes are cut', async () => {
    const { port, accepted } = await startPeer(UPGRADED);
    const { promise: all, resolve } = Promise.withResolvers<void>();
    let received = 0;
    const receiver = new Receiver((messages) => {
      received += messages;
      if (received === 6) resolve();
    });
    await receiver.join({ port, path: '/', send: [], joined: 'HTTP/1.1 101' }, 0);
    const socket = await accepted;
    const bytes = Buffer.from(MESSAGE.repeat(3));
    socket.write(bytes);
    // The mark is two bytes: one of these cuts goes through it.
    for (const byte of bytes) await new Promise((written) => socket.write(Buffer.of(byte), written));
    await all;
    expect(received).toBe(6);
  });

  it('joins when it has got what it waits for, and says why it could not', async () => {
    const refusing = await startPeer('HTTP/1.1 503 Service Unavailable\r\n\r\n');
    const joining = new Receiver(() => {}).join({ port: refusing.port, path: '/', send: [], joined: 'never' }, 0);
    await expect(joining).rejects.toThrow('503 Service Unavailable');
  });
});
