import type { Headers, Topic } from '@starling/contracts/log';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog, GroupRecord, GroupSubscription, LogRecord, NewRecord, Subscription, TailSubscription } from '../event-log.ts';

/** What a driver brings for the suite. */
export interface ConformanceFixture {
  /** Another client of the same log, as another process would have it. */
  open(): Promise<EventLog>;
  /**
   * Begins an append to this partition by a slow client: it has its offsets, and is not committed until `commit`.
   * Resolves with `undefined` where the log itself hands offsets out in commit order.
   */
  beginSlowAppend(topic: Topic, partition: number, record: NewRecord): Promise<{ commit(): Promise<void> } | undefined>;
  close(): Promise<void>;
}

const TOPIC: Topic = 'conversations';

function record(text: string, key = 'key'): NewRecord {
  const headers: Headers = { id: text, kind: 'test', level: '1' };
  return { key, headers, value: Buffer.from(text) };
}

function textOf(read: LogRecord): string {
  return Buffer.from(read.value).toString();
}

/** What every driver of the event log must pass. */
export function describeEventLog(name: string, createFixture: () => Promise<ConformanceFixture>): void {
  describe(`event log on ${name}`, () => {
    let fixture: ConformanceFixture;
    let log: EventLog;
    const running: Subscription[] = [];

    beforeEach(async () => {
      fixture = await createFixture();
      log = await fixture.open();
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((subscription) => subscription.stop()));
      await fixture.close();
    });

    /** Tails one partition into an array. */
    function collect(from: number, source = log, partition = 0): { read: LogRecord[]; subscription: TailSubscription } {
      const read: LogRecord[] = [];
      const starts = source.partitions[TOPIC];
      const subscription = source.tail({
        topic: TOPIC,
        from: Array.from({ length: starts }, (_, index) => (index === partition ? from : 0)),
        onRecords: (index, records) => void (index === partition && read.push(...records)),
        onHole: (_, hole) => hole.low,
      });
      running.push(subscription);
      return { read, subscription };
    }

    /** A group member that keeps its offset in memory, as a service does in its database. */
    function join(
      group: string,
      stored: { next: number },
      take: (records: GroupRecord[]) => void | Promise<void>,
      source = log,
    ): GroupSubscription {
      const subscription = source.subscribe({
        topic: TOPIC,
        group,
        storedOffset: async (partition) => (partition === 0 ? stored.next : 0),
        onRecords: async (partition, records) => {
          if (partition !== 0) return;
          await take(records);
          stored.next = Math.max(stored.next, (records.at(-1)?.offset ?? -1) + 1);
        },
        onHole: () => {},
      });
      running.push(subscription);
      return subscription;
    }

    it('gives an append consecutive offsets and brings the records back as they were', async () => {
      const offsets = await log.append(TOPIC, 0, [record('a', 'k1'), record('b', 'k2')]);
      expect(offsets).toEqual([offsets[0], (offsets[0] ?? 0) + 1]);
      const { read } = collect(offsets[0] ?? 0);
      await waitFor(() => read.length === 2);
      expect(read.map((entry) => [textOf(entry), entry.key, entry.headers, entry.partition, entry.offset])).toEqual([
        ['a', 'k1', { id: 'a', kind: 'test', level: '1' }, 0, offsets[0]],
        ['b', 'k2', { id: 'b', kind: 'test', level: '1' }, 0, offsets[1]],
      ]);
      expect(Math.abs((read[0]?.at ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    it('keeps the order of one writer, and loses and doubles nothing of many', async () => {
      const other = await fixture.open();
      const offsets = await Promise.all(
        Array.from({ length: 300 }, async (_, index) => {
          const writer = index % 2 === 0 ? log : other;
          const [offset] = await writer.append(TOPIC, 0, [record(`w${index % 2} ${index}`)]);
          return { offset: offset ?? -1, text: `w${index % 2} ${index}` };
        }),
      );
      const { read } = collect(0);
      await waitFor(() => read.length >= 300);
      expect(read.map((entry) => entry.offset)).toEqual(Array.from({ length: 300 }, (_, offset) => offset));
      for (const { offset, text } of offsets) expect(textOf(read[offset] as LogRecord)).toBe(text);
      for (const writer of ['w0', 'w1']) {
        const numbers = read
          .map(textOf)
          .filter((text) => text.startsWith(writer))
          .map((text) => Number(text.split(' ')[1]));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    });

    it('tells the ends of the log, and partitions apart', async () => {
      await log.append(TOPIC, 1, [record('a'), record('b')]);
      expect((await log.endOffsets(TOPIC)).slice(0, 2)).toEqual([0, 2]);
      expect((await log.lowOffsets(TOPIC))[1]).toBe(0);
      expect(await log.endOffsets('users')).toEqual(expect.arrayContaining([0]));
    });

    it('finds the first record that it took at or after a moment, and the end where there is none', async () => {
      expect(await log.offsetsAt(TOPIC, 0)).toEqual(await log.endOffsets(TOPIC));
      const [first = -1] = await log.append(TOPIC, 1, [record('a')]);
      const { read } = collect(first, log, 1);
      await waitFor(() => read.length === 1);
      const { at } = read[0] as LogRecord;
      // The log may count in whole milliseconds: the next record shall bear a later one.
      await waitFor(async () => {
        await log.append(TOPIC, 1, [record('next')]);
        await waitFor(() => read.length > 1);
        return (read.at(-1)?.at ?? 0) > at;
      });
      const later = read.find((entry) => entry.at > at) as LogRecord;
      const other = await fixture.open();
      for (const reader of [log, other]) {
        expect((await reader.offsetsAt(TOPIC, at - 0.5)).slice(0, 2)).toEqual([0, first]);
        expect((await reader.offsetsAt(TOPIC, at)).slice(0, 2)).toEqual([0, first]);
        expect((await reader.offsetsAt(TOPIC, at + 1)).slice(0, 2)).toEqual([0, later.offset]);
        expect(await reader.offsetsAt(TOPIC, Date.now() + 3_600_000)).toEqual(await log.endOffsets(TOPIC));
      }
    });

    it('lets nobody miss a slow append that has the lower offset and commits last', async () => {
      const { read } = collect(0);
      const slow = await fixture.beginSlowAppend(TOPIC, 0, record('slow'));
      const quick = log.append(TOPIC, 0, [record('quick')]);
      const late = collect(0);
      if (slow) {
        expect([...read, ...late.read]).toEqual([]);
        await slow.commit();
      }
      await quick;
      const expected = slow ? ['slow', 'quick'] : ['quick'];
      await waitFor(() => read.length === expected.length && late.read.length === expected.length);
      expect(read.map(textOf)).toEqual(expected);
      expect(late.read.map(textOf)).toEqual(expected);
    });

    it('wakes tails of the same and of other clients, and goes on where a stopped one ended', async () => {
      const other = await fixture.open();
      const here = collect(0);
      const there = collect(0, other);
      await log.append(TOPIC, 0, [record('a'), record('b')]);
      await waitFor(() => here.read.length === 2 && there.read.length === 2);
      await here.subscription.stop();
      await log.append(TOPIC, 0, [record('c')]);
      await waitFor(() => there.read.length === 3);
      expect(here.read.map(textOf)).toEqual(['a', 'b']);
      const resumed = collect(2);
      await waitFor(() => resumed.read.length === 1);
      expect(resumed.read.map(textOf)).toEqual(['c']);
    });

    it('tails exactly the suffix from any offset', async () => {
      await log.append(
        TOPIC,
        0,
        Array.from({ length: 20 }, (_, index) => record(String(index))),
      );
      for (let from = 0; from <= 20; from++) {
        const { read, subscription } = collect(from);
        await waitFor(() => read.length === 20 - from);
        expect(read.map((entry) => entry.offset)).toEqual(Array.from({ length: 20 - from }, (_, index) => from + index));
        await subscription.stop();
      }
    });

    it('says that a tail has caught up once it has read what was there at its start, and not before', async () => {
      await log.append(TOPIC, 0, [record('a'), record('b')]);
      const taken = Promise.withResolvers<void>();
      let begun = false;
      const subscription = log.tail({
        topic: TOPIC,
        from: Array.from({ length: log.partitions[TOPIC] }, () => 0),
        async onRecords() {
          begun = true;
          await taken.promise;
        },
        onHole: (_, hole) => hole.low,
      });
      running.push(subscription);
      expect(subscription.caughtUp()).toBe(false);
      await waitFor(() => begun);
      expect(subscription.caughtUp()).toBe(false);
      taken.resolve();
      await waitFor(() => subscription.caughtUp());
      await log.append(TOPIC, 0, [record('c')]);
      expect(subscription.caughtUp()).toBe(true);
    });

    it('gives two groups all records each, and marks those before the stored offset as past', async () => {
      await log.append(TOPIC, 0, [record('a'), record('b'), record('c')]);
      const one: GroupRecord[] = [];
      const two: GroupRecord[] = [];
      join('one', { next: 0 }, (records) => void one.push(...records));
      const alone = join('two', { next: 2 }, (records) => void two.push(...records));
      await waitFor(() => one.length === 3 && two.length === 3);
      expect([...alone.assigned()].sort()).toEqual(Array.from({ length: log.partitions[TOPIC] }, (_, partition) => partition));
      expect(one.map((entry) => [textOf(entry), entry.past])).toEqual([
        ['a', false],
        ['b', false],
        ['c', false],
      ]);
      expect(two.map((entry) => [textOf(entry), entry.past])).toEqual([
        ['a', true],
        ['b', true],
        ['c', false],
      ]);
    });

    it('gives a group a batch again that failed half way, and holds up no other', async () => {
      await log.append(TOPIC, 0, [record('a'), record('b'), record('c')]);
      const done: string[] = [];
      const others: GroupRecord[] = [];
      let failures = 0;
      const stored = { next: 0 };
      join('fails', stored, (records) => {
        if (failures++ < 2) throw new Error('killed in mid-batch');
        for (const entry of records) if (!entry.past) done.push(textOf(entry));
      });
      join('other', { next: 0 }, (records) => void others.push(...records));
      await waitFor(() => done.length === 3 && others.length === 3);
      expect(done).toEqual(['a', 'b', 'c']);
      expect(stored.next).toBe(3);
    });

    it('goes on at the stored offset when the reader was stopped between doing and storing', async () => {
      await log.append(TOPIC, 0, [record('a'), record('b')]);
      const stored = { next: 0 };
      const seen: string[] = [];
      const first = join('group', stored, (records) => void seen.push(...records.map(textOf)));
      await waitFor(() => stored.next === 2);
      await first.stop();
      // What was done for `b` was lost together with its offset.
      stored.next = 1;
      const again: GroupRecord[] = [];
      join('group', stored, (records) => void again.push(...records));
      await waitFor(() => again.length === 2);
      expect(again.map((entry) => [textOf(entry), entry.past])).toEqual([
        ['a', true],
        ['b', false],
      ]);
    });

    it('carries what is of no epoch in one partition, of which a tail may want only what comes', async () => {
      expect(log.partitions.ephemeral).toBe(1);
      // Other epochs of these brokers write there too.
      const own = (texts: string[]) => texts.filter((text) => text.startsWith(mark));
      const mark = `${Math.random()} `;
      await log.append('ephemeral', 0, [record(`${mark}before`)]);
      const read: string[] = [];
      const subscription = log.tail({
        topic: 'ephemeral',
        from: await log.endOffsets('ephemeral'),
        onRecords: (_, records) => void read.push(...records.map(textOf)),
        onHole: (_, hole) => hole.end,
      });
      running.push(subscription);
      await (await fixture.open()).append('ephemeral', 0, [record(`${mark}after`)]);
      await waitFor(() => own(read).length > 0 && subscription.caughtUp());
      expect(own(read)).toEqual([`${mark}after`]);
      await expect(log.append('ephemeral', 1, [record('nowhere')])).rejects.toThrow('no partition 1');
    });

    it('tells a tail and a group that want an offset beyond the end', async () => {
      await log.append(TOPIC, 0, [record('a')]);
      const holes: unknown[] = [];
      running.push(
        log.tail({
          topic: TOPIC,
          from: [5, ...new Array<number>(log.partitions[TOPIC] - 1).fill(0)],
          onRecords: (partition, records) => void (partition === 0 && holes.push(...records.map(textOf))),
          onHole: (_, hole) => {
            holes.push(hole);
            return hole.low;
          },
        }),
        log.subscribe({
          topic: TOPIC,
          group: 'ahead',
          storedOffset: async (partition) => (partition === 0 ? 9 : 0),
          onRecords: async () => {},
          onHole: (_, hole) => void holes.push(hole),
        }),
      );
      await waitFor(() => holes.length === 3);
      expect(holes).toEqual(
        expect.arrayContaining([{ is: 'lost', expected: 5, low: 0, end: 1 }, { is: 'lost', expected: 9, low: 0, end: 1 }, 'a']),
      );
    });
  });
}
