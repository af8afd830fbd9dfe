import { join } from 'node:path';
import type { Invitation } from '../peers/control.ts';
import type { Peer } from './peers.ts';
import { type PinnedProcess, startPinned } from './process.ts';
import type { Order } from './receivers.ts';

const SERVER_CORE = 0;
const RECEIVER_CORE = 1;

export interface Load {
  sockets: number;
  warmUpSeconds: number;
  seconds: number;
}

/** Deliveries (one message to one socket) per second. */
export interface Throughput {
  /** Of the server's CPU time, user and system. */
  perCpuSecond: number;
  /** As the receivers saw it, who may be the slower part. */
  perSecond: number;
  /** For how many seconds the server's threads, taken together, waited for its core, per second. */
  waited: number;
}

/**
 * Starts a server and its receivers, and publishes flush after flush, each when the one before has reached every
 * socket: no flush meets a full socket buffer, and none is joined to another. Fails when a message arrives twice.
 * @param batches how many messages are published at once; measured one after another.
 * @returns what was measured, in the order of `batches`.
 */
export async function measure(peer: Peer, load: Load, batches: number[]): Promise<Throughput[]> {
  const { sockets, warmUpSeconds, seconds } = load;
  const server = startPinned({ core: SERVER_CORE, command: peer.command(sockets), ...(peer.env ? { env: peer.env } : {}) });
  const receivers = startPinned({ core: RECEIVER_CORE, command: [process.execPath, join(import.meta.dirname, 'receivers.ts')] });
  try {
    const invitation: Invitation = JSON.parse(await server.read());
    await order(receivers, { do: 'join', receivers: sockets, invitation }, 'joined');
    const measured: Throughput[] = [];
    for (const batch of batches) {
      const flush = () => flushOnce(server, receivers, sockets, batch);
      await repeat(warmUpSeconds, flush);
      const [cpu, waited, time] = [await server.cpuSeconds(), await server.waitedSeconds(), performance.now()];
      const deliveries = (await repeat(seconds, flush)) * sockets * batch;
      const elapsed = (performance.now() - time) / 1000;
      measured.push({
        perCpuSecond: deliveries / ((await server.cpuSeconds()) - cpu),
        perSecond: deliveries / elapsed,
        waited: ((await server.waitedSeconds()) - waited) / elapsed,
      });
    }
    return measured;
  } finally {
    await Promise.all([server.stop(), receivers.stop()]);
  }
}

async function flushOnce(server: PinnedProcess, receivers: PinnedProcess, sockets: number, batch: number): Promise<void> {
  await order(receivers, { do: 'expect', messages: sockets * batch }, 'expecting');
  server.write(String(batch));
  await answer(receivers, 'received');
}

async function repeat(seconds: number, flush: () => Promise<void>): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let flushes = 0;
  for (; performance.now() < end || flushes === 0; flushes++) await flush();
  return flushes;
}

async function order(receivers: PinnedProcess, given: Order, expected: string): Promise<void> {
  receivers.write(JSON.stringify(given));
  await answer(receivers, expected);
}

async function answer(receivers: PinnedProcess, expected: string): Promise<void> {
  const answered = await receivers.read();
  if (answered !== expected) throw new Error(`the receivers answered "${answered}" where "${expected}" was due`);
}
