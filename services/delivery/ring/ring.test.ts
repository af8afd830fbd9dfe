import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ring, RingEntry } from './ring.ts';

const KEYS = ['one', 'two', 'three'];
/** What an entry costs beside its value. */
const ENTRY_BYTES = 512;

function entryAt(offset: number, key = 'one', bytes = 1): RingEntry {
  return new RingEntry({ topic: 'conversations', partition: 0, offset, at: offset, key, headers: {}, value: Buffer.alloc(bytes) }, offset);
}

describe('the span of a ring', () => {
  it('is what it holds, and how far back that reaches', () => {
    const ring = new Ring(0, { entries: 2, bytes: 10_000 });
    expect(ring.span(9_000)).toEqual({ records: 0, seconds: 0 });
    for (const offset of [1_000, 2_000, 3_000]) ring.push(entryAt(offset));
    expect(ring.span(9_000)).toEqual({ records: 2, seconds: 7 });
  });
});

const offsets = (entries: RingEntry[]) => entries.map((entry) => entry.record.offset);

type Step = { do: 'push'; gap: number; key: string; bytes: number } | { do: 'startAt'; behind: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({ do: fc.constant('push' as const), gap: fc.nat(3), key: fc.constantFrom(...KEYS), bytes: fc.nat(600) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('startAt' as const), behind: fc.integer({ min: -3, max: 10 }) }) },
  ),
  { maxLength: 60 },
);

/** The same by a plain list, to hold the ring against. */
class PlainRing {
  entries: RingEntry[] = [];
  start: number;
  readonly limits: { entries: number; bytes: number };

  constructor(start: number, limits: { entries: number; bytes: number }) {
    this.start = start;
    this.limits = limits;
  }

  push(entry: RingEntry): void {
    this.entries.push(entry);
    const bytes = () => this.entries.reduce((sum, { record }) => sum + record.value.length + ENTRY_BYTES, 0);
    while (this.entries.length > this.limits.entries || bytes() > this.limits.bytes)
      this.start = (this.entries.shift()?.record.offset ?? 0) + 1;
  }

  startAt(offset: number): void {
    this.entries = this.entries.filter(({ record }) => record.offset >= offset);
    this.start = Math.max(this.start, offset);
  }

  select(keys: string[], from: number, to: number): RingEntry[] {
    return this.entries.filter(({ record }) => keys.includes(record.key) && record.offset >= from && record.offset < to);
  }
}

describe('the ring', () => {
  it('holds and finds what a plain list would', () => {
    const limits = fc.record({ entries: fc.integer({ min: 1, max: 8 }), bytes: fc.integer({ min: 0, max: 6_000 }) });
    fc.assert(
      fc.property(steps, limits, fc.nat(20), (list, limit, start) => {
        const [ring, plain] = [new Ring(start, limit), new PlainRing(start, limit)];
        let next = start;
        for (const step of list) {
          if (step.do === 'push') {
            const entry = entryAt(next + step.gap, step.key, step.bytes);
            next += step.gap + 1;
            ring.push(entry);
            plain.push(entry);
          } else {
            ring.startAt(next - step.behind);
            plain.startAt(next - step.behind);
            next = Math.max(next, next - step.behind);
          }
          expect([ring.start, ring.oldest]).toEqual([plain.start, plain.entries[0]]);
          for (let from = Math.max(0, next - 8); from <= next + 1; from++) {
            expect(offsets(ring.since(from))).toEqual(offsets(plain.entries.filter(({ record }) => record.offset >= from)));
            for (const keys of [['one'], ['two', 'one'], KEYS, ['none']]) {
              expect(offsets(ring.select(keys, from, next))).toEqual(offsets(plain.select(keys, from, next)));
              expect(offsets(ring.select(keys, from, from + 2))).toEqual(offsets(plain.select(keys, from, from + 2)));
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('goes on past thousands of evictions', () => {
    const ring = new Ring(0, { entries: 100, bytes: Number.MAX_SAFE_INTEGER });
    for (let offset = 0; offset < 5_000; offset++) {
      ring.push(entryAt(offset, KEYS[offset % 3]));
      const start = Math.max(0, offset - 99);
      expect(ring.start).toBe(start);
      if (offset % 97 === 0) {
        expect(offsets(ring.since(0))).toEqual(Array.from({ length: offset - start + 1 }, (_, index) => start + index));
        expect(ring.select(KEYS, 0, offset + 1)).toHaveLength(offset - start + 1);
      }
    }
  });

  it('of no bytes holds nothing, and covers nothing', () => {
    const ring = new Ring(0, { entries: 10, bytes: 0 });
    ring.push(entryAt(0));
    expect([ring.start, ring.oldest, ring.since(0), ring.select(['one'], 0, 9)]).toEqual([1, undefined, [], []]);
  });

  it('lets go of what it has dropped', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const ring = new Ring(0, { entries: 10, bytes: Number.MAX_SAFE_INTEGER });
    const pushed = Array.from({ length: 500 }, (_, offset) => {
      const entry = entryAt(offset);
      ring.push(entry);
      return new WeakRef(entry);
    });
    // A WeakRef holds its target until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(pushed.filter((reference) => reference.deref()).length).toBeLessThan(20);
    expect(ring.since(0)).toHaveLength(10);
  });
});

describe('an entry', () => {
  const record = {
    topic: 'conversations' as const,
    partition: 0,
    offset: 1,
    at: 5,
    key: 'c',
    headers: { kind: 'message.posted', author: 'ann', client: 'x' },
  };

  it('is encoded once, when it is needed', () => {
    const entry = new RingEntry({ ...record, value: Buffer.from('{"body":"hi"}') }, 9);
    expect(entry.known).toBe(false);
    const frame = entry.frame;
    expect(entry.known).toBe(true);
    expect(entry.frame).toBe(frame);
    expect(JSON.parse(frame?.subarray(4).toString() ?? '')).toEqual({
      type: 'event',
      topic: 'conversations',
      key: 'c',
      position: 9,
      at: 5,
      kind: 'message.posted',
      author: 'ann',
      client: 'x',
      value: { body: 'hi' },
    });
  });

  it('of a bad value or an unknown kind has no frame', () => {
    for (const [kind, value] of [
      ['message.posted', '{"body":""}'],
      ['message.posted', 'x'],
      ['poll.opened', '{}'],
      ['toString', '{}'],
    ]) {
      const entry = new RingEntry({ ...record, headers: { ...record.headers, kind: kind ?? '' }, value: Buffer.from(value ?? '') }, 9);
      expect([entry.frame, entry.known]).toEqual([undefined, true]);
    }
  });
});
