import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hearBeat, type LivePods, NO_PODS } from './live-pods.ts';
import { countToShed } from './rebalance.ts';

const MOVE_SECONDS = 2;

/** The table after a beat of each of these pods, which hold these counts, at this time, s. */
function hearAll(table: LivePods, counts: number[], seconds: number, draining = -1): LivePods {
  return counts.reduce((heard, connections, index) => {
    const load = { connections, cap: 100_000, draining: index === draining };
    return hearBeat(heard, { pod: `${index}`, epoch: 1, time: 0, load }, seconds * 1000);
  }, table);
}

/** The table of pods that have held these counts for a while. */
function tableOf(counts: number[], draining?: number): LivePods {
  return [0, 3, 6].reduce((table, seconds) => hearAll(table, counts, seconds, draining), NO_PODS);
}

/** What each of the pods would ask to leave. */
function decide(table: LivePods, counts: number[], leaving = counts.map(() => 0)): number[] {
  return counts.map((connections, index) => countToShed(table, { pod: `${index}`, connections, leaving: leaving[index] ?? 0 }));
}

/** A small generator, so that a failing run can be run again (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs pods that tell their counts each second; whoever is asked moves within 2 s to a pod of the load balancer's choice. */
function simulate(start: number[], seconds: number, random: () => number) {
  const counts = [...start];
  let table = NO_PODS;
  let moving: { from: number; at: number }[] = [];
  let moved = 0;
  /** The first second from which on the fullest had at most 1.5 times the emptiest, and the last in which anybody was asked. */
  let evenAt = Number.POSITIVE_INFINITY;
  let lastAskedAt = 0;
  for (let second = 0; second < seconds; second++) {
    table = hearAll(table, counts, second);
    const leaving = counts.map((_, pod) => moving.filter(({ from }) => from === pod).length);
    for (const [pod, count] of decide(table, counts, leaving).entries()) {
      if (count > 0) lastAskedAt = second;
      for (let asked = 0; asked < count; asked++) moving.push({ from: pod, at: second + random() * MOVE_SECONDS });
    }
    for (const { from } of moving.filter(({ at }) => at < second + 1)) {
      counts[from] = (counts[from] ?? 0) - 1;
      const to = Math.floor(random() * counts.length);
      counts[to] = (counts[to] ?? 0) + 1;
      moved++;
    }
    moving = moving.filter(({ at }) => at >= second + 1);
    if (Math.max(...counts) > 1.5 * Math.min(...counts)) evenAt = Number.POSITIVE_INFINITY;
    else evenAt = Math.min(evenAt, second);
  }
  return { counts, moved, evenAt, lastAskedAt };
}

describe('rebalance', () => {
  it('asks the fullest for some of what they have too much, and nobody else', () => {
    expect(decide(tableOf([400, 0, 0, 0]), [400, 0, 0, 0])).toEqual([15, 0, 0, 0]);
    expect(decide(tableOf([130, 90, 90, 90]), [130, 90, 90, 90])).toEqual([5, 0, 0, 0]);
    expect(decide(tableOf([20_000, 0]), [20_000, 0])).toEqual([400, 0]);
  });

  it('counts those who were asked as gone', () => {
    expect(decide(tableOf([400, 0, 0, 0]), [400, 0, 0, 0], [360, 0, 0, 0])).toEqual([5, 0, 0, 0]);
    expect(decide(tableOf([400, 0, 0, 0]), [400, 0, 0, 0], [390, 0, 0, 0])).toEqual([0, 0, 0, 0]);
  });

  it('leaves small differences and small numbers alone', () => {
    expect(decide(tableOf([105, 96, 99]), [105, 96, 99])).toEqual([0, 0, 0]);
    expect(decide(tableOf([9, 0]), [9, 0])).toEqual([0, 0]);
  });

  it('waits while a pod is alone, new, draining, or dead a short time ago, and where its own beat is not heard', () => {
    expect(decide(tableOf([400]), [400])).toEqual([0]);
    expect(decide(hearAll(tableOf([400]), [400, 0], 9), [400, 0])).toEqual([0, 0]);
    expect(decide(tableOf([400, 0, 0], 2), [400, 0, 0])).toEqual([0, 0, 0]);
    const [two, later] = [[10], [10, 14, 18, 22]].map((times) =>
      times.reduce((table, seconds) => hearAll(table, [400, 0], seconds), hearAll(tableOf([400, 0, 0]), [400, 0], 9)),
    ) as [LivePods, LivePods];
    expect(decide(hearAll(two, [400, 0], 10.5), [400, 0])).toEqual([0, 0]);
    expect(decide(later, [400, 0])).toEqual([15, 0]);
    expect(countToShed(later, { pod: 'unheard', connections: 400, leaving: 0 })).toBe(0);
  });

  it('makes 400 sockets even within a minute after one pod has become four', () => {
    for (let seed = 0; seed < 20; seed++) {
      const { counts, evenAt } = simulate([400, 0, 0, 0], 120, generator(seed));
      expect(counts.reduce((sum, count) => sum + count)).toBe(400);
      expect(evenAt).toBeLessThan(60);
    }
  });

  it('comes to rest near the mean from wherever it begins, and moves not many more than it must', () => {
    const starts = fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 2, maxLength: 8 });
    const enough = starts.filter((counts) => counts.reduce((sum, count) => sum + count) >= 60 * counts.length);
    fc.assert(
      fc.property(enough, fc.integer(), (start, seed) => {
        const { counts, moved, lastAskedAt } = simulate(start, 300, generator(seed));
        expect(Math.max(...counts) / Math.min(...counts)).toBeLessThanOrEqual(1.3);
        expect(lastAskedAt).toBeLessThan(240);
        // Most must move when one pod of many is empty, for only one in so many comes to it.
        expect(moved).toBeLessThanOrEqual(1.25 * start.reduce((sum, count) => sum + count));
      }),
      { numRuns: 200 },
    );
  });
});
