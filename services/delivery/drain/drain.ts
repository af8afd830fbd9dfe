import { setTimeout as delay } from 'node:timers/promises';
import { planDrain } from './plan-drain.ts';

/** A socket as a drain sees it. */
export interface DrainedSocket {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** Asks the client to connect anew within that time. */
  hint(withinMs: number): void;
  /** Closes it after the answers that are under way, which it waits for until so long from now. */
  leave(withinMs: number): Promise<void>;
}

/** What a drain did. */
export interface DrainResult {
  sockets: number;
  /** Of these, those that had to be closed. */
  closed: number;
  seconds: number;
}

/** Sees every socket off within the time, a batch after another; resolves as soon as the last has ended. */
export async function drainSockets(sockets: readonly DrainedSocket[], milliseconds: number, random = Math.random): Promise<DrainResult> {
  const begun = performance.now();
  const elapsed = () => performance.now() - begun;
  let closed = 0;
  let next = 0;

  async function seeOff(socket: DrainedSocket, withinMs: number, closeAfterMs: number): Promise<void> {
    socket.hint(withinMs);
    if (await endsWithin(socket, closeAfterMs)) return;
    closed++;
    await socket.leave(Math.max(0, milliseconds - elapsed()));
  }

  const ending: Promise<unknown>[] = [];
  for (const { at, sockets: count, withinMs, closeAfterMs } of planDrain(sockets.length, milliseconds, random)) {
    await delay(Math.max(0, at - elapsed()));
    const batch = sockets.slice(next, next + count);
    next += count;
    ending.push(...batch.map((socket) => seeOff(socket, withinMs, closeAfterMs)));
  }
  await Promise.all(ending);
  return { sockets: sockets.length, closed, seconds: elapsed() / 1000 };
}

async function endsWithin({ ended }: DrainedSocket, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const isEnded = await Promise.race([ended.then(() => true), patience]);
  clearTimeout(timer);
  return isEnded;
}
