import { beforeEach, describe, expect, it } from 'vitest';
import { ManualTime } from '../kube/test-time.ts';
import { KubeError } from '../kube/types.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

/** A piece of work that goes on until the test ends it. */
interface Started {
  key: string;
  signal: AbortSignal;
  end(again?: { after?: number }): void;
  fail(error: Error): void;
}

let time: ManualTime;
let started: Started[] = [];
let queue: WorkQueue;
beforeEach(() => {
  time = new ManualTime();
  started = [];
  queue = start(2);
});

function start(concurrency: number): WorkQueue {
  return createWorkQueue({
    time,
    concurrency,
    firstBackoffMs: 1_000,
    backoffCapMs: 60_000,
    work: (key, signal) =>
      new Promise((resolve, reject) => {
        started.push({ key, signal, end: resolve, fail: reject });
      }),
  });
}

const keys = () => started.map(({ key }) => key);

describe('a work queue', () => {
  it('works on a key once, however often it is added', async () => {
    queue.add('a');
    queue.add('a');
    queue.add('a', { afterMs: 10 });
    await time.advance(100);
    expect(keys()).toEqual(['a']);
  });

  it('works on one key at a time, and once more after it if it was added meanwhile', async () => {
    queue.add('a');
    await time.advance(0);
    queue.add('a');
    queue.add('a');
    await time.advance(1_000);
    expect(keys()).toEqual(['a']);
    started[0]?.end();
    await time.advance(0);
    expect(keys()).toEqual(['a', 'a']);
    started[1]?.end();
    await time.advance(1_000_000);
    expect(keys()).toEqual(['a', 'a']);
  });

  it('works on as many keys as it may, in their order', async () => {
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    await time.advance(0);
    expect(keys()).toEqual(['a', 'b']);
    expect(queue.depth()).toBe(2);
    started[1]?.end();
    await time.advance(0);
    expect(keys()).toEqual(['a', 'b', 'c']);
  });

  it('looks again at the time that the work says, or earlier if the key is added', async () => {
    queue.add('a');
    await time.advance(0);
    started[0]?.end({ after: 5_000 });
    await time.advance(4_999);
    expect(started).toHaveLength(1);
    await time.advance(1);
    expect(started).toHaveLength(2);
    started[1]?.end({ after: 5_000 });
    await time.advance(0);
    queue.add('a');
    await time.advance(0);
    expect(started).toHaveLength(3);
    started[2]?.end();
    await time.advance(100_000);
    expect(started).toHaveLength(3);
  });

  it('tries again what failed, later each time up to a cap, and from the beginning after a success', async () => {
    const waits: number[] = [];
    queue.add('a');
    await time.advance(0);
    for (let failure = 1; failure <= 10; failure += 1) {
      started.at(-1)?.fail(new Error('no'));
      waits.push(await timeUntilNext());
    }
    for (const [index, wait] of waits.entries()) {
      const full = Math.min(60_000, 1_000 * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(full / 2 - 100);
      expect(wait).toBeLessThanOrEqual(full + 100);
    }
    started.at(-1)?.end({ after: 1 });
    await time.advance(1);
    started.at(-1)?.fail(new Error('no'));
    expect(await timeUntilNext()).toBeLessThanOrEqual(1_100);
  });

  it('waits at least as long as the API asks', async () => {
    queue.add('a');
    await time.advance(0);
    started[0]?.fail(new KubeError('slow', { status: 429, reason: 'TooManyRequests', retryAfterMs: 30_000 }));
    expect(await timeUntilNext()).toBeGreaterThanOrEqual(30_000);
  });

  it('does not make a loop of a failure that changes what it watches', async () => {
    queue.add('a');
    await time.advance(0);
    for (let failure = 0; failure < 5; failure += 1) {
      queue.add('a');
      started.at(-1)?.fail(new Error('no'));
      expect(await timeUntilNext()).toBeGreaterThanOrEqual(500);
    }
  });

  it('when stopped aborts what is under way, waits for it and takes no more', async () => {
    queue.add('a');
    queue.add('b', { afterMs: 10 });
    await time.advance(0);
    const stopped = queue.stop();
    expect(started[0]?.signal.aborted).toBe(true);
    let over = false;
    void stopped.then(() => {
      over = true;
    });
    await time.advance(100);
    expect(over).toBe(false);
    started[0]?.end({ after: 1 });
    await stopped;
    queue.add('c');
    await time.advance(100_000);
    expect(keys()).toEqual(['a']);
  });

  async function timeUntilNext(): Promise<number> {
    const [begun, count] = [time.now(), started.length];
    while (started.length === count) await time.advance(100);
    return time.now() - begun;
  }
});
