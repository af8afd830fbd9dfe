import type { Topic } from '@starling/contracts/log';
import { expect, it, vi } from 'vitest';
import { AppendQueue } from './append-queue.ts';
import { AppendRefused, type NewRecord } from './event-log.ts';

const TOPIC: Topic = 'conversations';
const record = (text: string): NewRecord => ({ key: 'k', headers: {}, value: Buffer.from(text) });

/** A log that answers when it is told to. */
function heldLog() {
  const writes: { records: string[]; answer: PromiseWithResolvers<number> }[] = [];
  const write = (_topic: Topic, _partition: number, records: NewRecord[]) => {
    const answer = Promise.withResolvers<number>();
    writes.push({ records: records.map(({ value }) => Buffer.from(value).toString()), answer });
    return answer.promise;
  };
  return { writes, write };
}

it('has one write of a partition in flight, and puts what waits together into the next', async () => {
  const { writes, write } = heldLog();
  const queue = new AppendQueue(write);
  const appends = ['a', 'b', 'c'].map((text) => queue.append(TOPIC, 0, [record(text)]));
  void queue.append(TOPIC, 1, [record('other partition')]);
  expect(writes.map(({ records }) => records)).toEqual([['a'], ['other partition']]);
  writes[0]?.answer.resolve(7);
  expect(await appends[0]).toEqual([7]);
  expect(writes.map(({ records }) => records)).toEqual([['a'], ['other partition'], ['b', 'c']]);
  writes[2]?.answer.resolve(8);
  expect(await Promise.all(appends)).toEqual([[7], [8], [9]]);
});

it('leaves a failed write unknown, and goes on with what waits', async () => {
  const { writes, write } = heldLog();
  const queue = new AppendQueue(write);
  const [first, second] = [queue.append(TOPIC, 0, [record('a')]), queue.append(TOPIC, 0, [record('b')])];
  writes[0]?.answer.reject(new Error('no answer'));
  await expect(first).rejects.not.toBeInstanceOf(AppendRefused);
  writes[1]?.answer.resolve(0);
  expect(await second).toEqual([0]);
});

it('refuses what would wait beyond its bound, as not written, and takes more once there is room', async () => {
  const { writes, write } = heldLog();
  const queue = new AppendQueue(write, 1_000);
  const inFlight = queue.append(TOPIC, 0, [record('a')]);
  const waiting = queue.append(TOPIC, 0, [record('x'.repeat(800))]);
  await expect(queue.append(TOPIC, 0, [record('x'.repeat(800))])).rejects.toBeInstanceOf(AppendRefused);
  writes[0]?.answer.resolve(0);
  await inFlight;
  writes[1]?.answer.resolve(1);
  await waiting;
  void queue.append(TOPIC, 0, [record('x'.repeat(800))]);
  expect(writes).toHaveLength(3);
});

it('refuses what waits when it is closed', async () => {
  const { write } = heldLog();
  const queue = new AppendQueue(write);
  void queue.append(TOPIC, 0, [record('a')]);
  const waiting = queue.append(TOPIC, 0, [record('b')]);
  queue.close();
  await expect(waiting).rejects.toBeInstanceOf(AppendRefused);
  await expect(queue.append(TOPIC, 0, [record('c')])).rejects.toBeInstanceOf(AppendRefused);
});

it('refuses what has waited too long for a log that does not answer, and never hands it over', async () => {
  vi.useFakeTimers();
  try {
    const { writes, write } = heldLog();
    const queue = new AppendQueue(write);
    const inFlight = queue.append(TOPIC, 0, [record('a')]);
    const late = queue.append(TOPIC, 0, [record('late')]).catch((error: unknown) => error);
    vi.advanceTimersByTime(3_999);
    const fresh = queue.append(TOPIC, 0, [record('fresh')]);
    vi.advanceTimersByTime(1);
    expect(await late).toBeInstanceOf(AppendRefused);
    writes[0]?.answer.resolve(0);
    await inFlight;
    expect(writes.map(({ records }) => records)).toEqual([['a'], ['fresh']]);
    writes[1]?.answer.resolve(1);
    expect(await fresh).toEqual([1]);
  } finally {
    vi.useRealTimers();
  }
});
