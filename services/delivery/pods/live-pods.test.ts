import type { LogRecord } from '@starling/platform/log';
import { describe, expect, it } from 'vitest';
import { type Beat, decodeBeat, encodeBeat } from './beat.ts';
import { clockError, hasDead, hearBeat, type LivePods, livePods, NO_PODS } from './live-pods.ts';

const load = { connections: 3, cap: 10, draining: false };
const beatOf = (pod: string, connections = 3): Beat => ({ pod, epoch: 1, load: { ...load, connections }, time: 0 });

/** The table after beats of these pods at these times, s. */
function hear(...beats: [pod: string, seconds: number][]): LivePods {
  return beats.reduce((table, [pod, seconds]) => hearBeat(table, beatOf(pod), seconds * 1000), NO_PODS);
}

const namesOf = (table: LivePods) => livePods(table).map(({ pod }) => pod);

describe('a beat', () => {
  const read = (record: Partial<LogRecord<'ephemeral'>>) =>
    decodeBeat({ ...encodeBeat(beatOf('a')), topic: 'ephemeral', partition: 0, offset: 0, at: 0, ...record });

  it('is read as it was written', () => {
    expect(read({})).toEqual(beatOf('a'));
  });

  it('is nothing when it is another kind of record, follows newer rules, or is not of its shape', () => {
    const { headers } = encodeBeat(beatOf('a'));
    for (const record of [
      { headers: {} },
      { headers: { ...headers, kind: 'projector.offsets' } },
      { headers: { ...headers, level: '2' } },
      { value: Buffer.from('{') },
      { value: Buffer.from('null') },
      { value: Buffer.from(JSON.stringify({ epoch: 1, time: 0, load: { ...load, connections: -1 } })) },
    ])
      expect(read(record)).toBeUndefined();
  });
});

describe('the table of pods', () => {
  it('has who is heard, with what they said last', () => {
    const table = hearBeat(hear(['a', 1], ['b', 1.5], ['a', 2]), beatOf('b', 9), 2500);
    expect(livePods(table)).toEqual([
      { pod: 'a', load, age: 1500 },
      { pod: 'b', load: { ...load, connections: 9 }, age: 1000 },
    ]);
  });

  it('takes a pod for dead after 4 s of silence while others go on, and remembers that for a while', () => {
    const before = hear(['a', 0], ['b', 1], ['a', 5]);
    expect([namesOf(before), hasDead(before)]).toEqual([['a', 'b'], false]);
    const after = hearBeat(before, beatOf('a'), 5001);
    expect([namesOf(after), hasDead(after)]).toEqual([['a'], true]);
    const later = hear(['b', 1], ['a', 16]);
    expect(hasDead(later)).toBe(true);
    expect(hasDead(hearBeat(later, beatOf('a'), 16_001))).toBe(false);
  });

  it('takes nobody for dead while nothing is heard at all', () => {
    const table = hear(['a', 0], ['b', 1]);
    expect(namesOf(table)).toEqual(['a', 'b']);
    // The first to be heard again decides.
    expect(namesOf(hearBeat(table, beatOf('b'), 60_000))).toEqual(['b']);
  });

  it('counts the age of a pod that was dead from its return on', () => {
    expect(livePods(hear(['a', 0], ['b', 3], ['b', 6], ['a', 8], ['b', 9], ['a', 9]))).toEqual([
      { pod: 'a', load, age: 1000 },
      { pod: 'b', load, age: 6000 },
    ]);
  });
});

describe('the error of a clock', () => {
  it.each([
    ['within the way of the beat', { sent: 100, at: 105, received: 110 }, 0],
    ['whatever the way took', { sent: 100, at: 50_000, received: 60_000 }, 0],
    ['ahead of the log', { sent: 30_000, at: 5_000, received: 30_010 }, 25_000],
    ['behind the log', { sent: 100, at: 12_000, received: 110 }, 11_890],
  ])('is what neither sending nor reading explains: %s', (_, times, error) => {
    expect(clockError(times)).toBe(error);
  });
});
