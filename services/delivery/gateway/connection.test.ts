import type { Socket } from 'node:net';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectionOf, openSocketPair, type SocketPair } from './test-sockets.ts';
import { encodeTextFrame } from './text-frame.ts';

let pair: SocketPair;
beforeEach(async () => {
  pair = await openSocketPair();
});
afterEach(() => pair.close());

/** The client stops taking anything in. */
const pause = () => (pair.client as unknown as { _socket: Socket })._socket.pause();
const resume = () => (pair.client as unknown as { _socket: Socket })._socket.resume();

/** Pushes until more waits than the peer and the system between take in. */
async function fill(connection: ReturnType<typeof connectionOf>, enough: () => boolean): Promise<number> {
  const frame = encodeTextFrame('x'.repeat(100_000));
  let pushed = 0;
  while (!enough()) {
    connection.push(frame);
    pushed++;
    await new Promise((resolve) => setImmediate(resolve));
    if (pushed > 1_000) throw new Error('nothing ever waited');
  }
  return pushed;
}

describe('a connection', () => {
  it('writes what was pushed in one turn together, in order', async () => {
    const connection = connectionOf(pair);
    const writes: number[] = [];
    const { write } = pair.stream;
    pair.stream.write = function count(this: typeof pair.stream, ...given: Parameters<typeof write>) {
      writes.push((given[0] as Buffer).length);
      return write.apply(this, given);
    } as typeof write;
    const texts = Array.from({ length: 100 }, (_, index) => `frame ${index}`);
    for (const text of texts) connection.push(encodeTextFrame(text));
    connection.send({ type: 'live' });
    await waitFor(() => pair.received.messages.length === 101);
    expect(pair.received.messages).toEqual([...texts, '{"type":"live"}']);
    expect(writes).toHaveLength(1);
    expect(connection.waitingBytes).toBe(0);
    connection.push(encodeTextFrame('later'));
    await waitFor(() => pair.received.messages.at(-1) === 'later');
    expect(writes).toHaveLength(2);
  });

  it('is closed behind what was pushed before, with a code of the catalogue, once', async () => {
    const connection = connectionOf(pair);
    connection.push(encodeTextFrame('last'));
    connection.close('restarting');
    connection.close('internal');
    connection.push(encodeTextFrame('too late'));
    expect([connection.closed, connection.waitingBytes]).toEqual([true, 0]);
    await waitFor(() => pair.received.closed);
    const { code, reason } = CLOSE_CODES.restarting;
    expect(pair.received).toEqual({ messages: ['last'], closed: { code, reason } });
  });

  it('that takes in less than it is sent is closed as slow, without what waits', async () => {
    const connection = connectionOf(pair, 500_000);
    pause();
    const pushed = await fill(connection, () => connection.closed);
    expect(connection.waitingBytes).toBeLessThanOrEqual(700_000);
    resume();
    await waitFor(() => pair.received.closed);
    expect(pair.received.closed).toEqual({ code: CLOSE_CODES.slow.code, reason: CLOSE_CODES.slow.reason });
    // What it got is whole, and the rest is for its next resume.
    expect(new Set(pair.received.messages.map((message) => message.length))).toEqual(new Set([100_000]));
    expect(pair.received.messages.length).toBeLessThan(pushed);
  });

  it('takes much that comes in one turn, however little may wait for it', async () => {
    const connection = connectionOf(pair, 500_000);
    const frame = encodeTextFrame('x'.repeat(100_000));
    for (let count = 0; count < 50; count++) connection.push(frame);
    await waitFor(() => pair.received.messages.length === 50);
    expect(connection.closed).toBe(false);
  });

  it('that does not even take in the close is ended', async () => {
    const connection = connectionOf(pair, 500_000);
    pause();
    await fill(connection, () => connection.closed);
    const begun = performance.now();
    await waitFor(() => pair.stream.destroyed);
    expect(performance.now() - begun).toBeGreaterThan(1_500);
  });

  it('says when less than half of its allowance waits', async () => {
    const connection = connectionOf(pair, 8_000_000);
    await connection.drained();
    pause();
    await fill(connection, () => connection.waitingBytes > 4_000_000);
    let drained = false;
    const draining = connection.drained().then(() => {
      drained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBe(false);
    resume();
    await draining;
    expect(connection.waitingBytes).toBeLessThanOrEqual(4_000_000);
  });

  it('does not wait for a peer that is gone', async () => {
    const connection = connectionOf(pair, 8_000_000);
    pause();
    await fill(connection, () => connection.waitingBytes > 4_000_000);
    const draining = connection.drained();
    pair.server.terminate();
    await draining;
    expect(connection.closed).toBe(true);
    connection.push(encodeTextFrame('to nobody'));
    expect(connection.waitingBytes - pair.stream.writableLength).toBe(0);
  });
});
