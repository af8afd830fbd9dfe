import { type CursorTopic, countPartitions, TOPICS, type Topic, WINDOW } from '@starling/contracts/log';
import type pg from 'pg';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../telemetry/index.ts';
import { AppendQueue } from '../append-queue.ts';
import type { EventLog, GroupOptions, GroupRecord, Hole, LogRecord, Subscription, TailOptions } from '../event-log.ts';
import { HeadWatch } from './head-watch.ts';
import { deleteRecordsBefore, ensureEpoch, insertRecords, selectFirstOffsets, selectRecords } from './statements.ts';

const READ_BATCH = 500;
const RETRY_MS = 200;
const RETENTION_MS: Record<Topic, number> = {
  conversations: 7 * 86_400_000,
  receipts: 86_400_000,
  users: 7 * 86_400_000,
  ephemeral: 600_000,
};
/** A quarter of the shortest retention. */
const PRUNE_EVERY_MS = 150_000;
const PRUNE_BATCH = 5_000;

/**
 * The event log on PostgreSQL, for all services in one process. Offsets are handed out under the lock of the
 * partition's head row, so that the order of commits is the order of offsets; readers are woken in-process and look
 * for themselves once a second.
 */
export async function openPostgresLog(options: {
  pool: pg.Pool;
  clock: Clock;
  logger: Logger;
  /** Those of the epoch, for the first start. */
  partitions: Record<CursorTopic, number>;
}): Promise<EventLog> {
  const { pool, clock, logger } = options;
  const { epoch, partitions: ofEpoch } = await ensureEpoch(pool, options.partitions);
  const partitions = countPartitions(ofEpoch);
  const heads = new HeadWatch(pool, logger);
  await heads.start();
  const appends = new AppendQueue(async (topic, partition, records) => {
    const first = await insertRecords(pool, topic, partition, records, clock.now());
    heads.advance(topic, partition, first + records.length);
    return first;
  });
  const readers = new Set<Reader>();
  const groups = new Set<string>();
  const pruning = setInterval(() => void prune(), PRUNE_EVERY_MS);
  pruning.unref();

  async function prune(): Promise<void> {
    try {
      for (const topic of TOPICS) while ((await deleteRecordsBefore(pool, topic, clock.now() - RETENTION_MS[topic], PRUNE_BATCH)) > 0);
      await heads.refresh();
    } catch (error) {
      logger.warn({ error: (error as Error).message }, 'old records of the log could not be removed; it is tried again in some minutes');
    }
  }

  function startReader(run: (reader: Reader) => Promise<void>[], onStop?: () => void): Subscription {
    const reader = new Reader();
    readers.add(reader);
    const running = Promise.all(run(reader));
    return {
      async stop() {
        reader.stop();
        await running;
        readers.delete(reader);
        onStop?.();
      },
    };
  }

  /** Reads one partition for ever: `next` is where, `take` gets the records and returns where to go on. */
  async function readPartition(
    reader: Reader,
    topic: Topic,
    partition: number,
    handlers: {
      start(): Promise<number>;
      onRecords(records: LogRecord[]): void | Promise<void>;
      onHole(hole: Hole): Promise<number | undefined>;
      restart: boolean;
    },
  ): Promise<void> {
    let next: number | undefined;
    while (!reader.stopped) {
      try {
        next ??= await handlers.start();
        const head = await heads.waitBeyond(topic, partition, next, reader.signal);
        if (reader.stopped) return;
        if (next < head.low || next > head.next) {
          const hole: Hole = { is: next < head.low ? 'gone' : 'lost', expected: next, low: head.low, end: head.next };
          next = await handlers.onHole(hole);
          if (next === undefined) return;
          continue;
        }
        const records = await selectRecords(pool, topic, partition, next, READ_BATCH);
        if (reader.stopped) return;
        if (records[0]?.offset !== next) {
          await heads.refresh();
          continue;
        }
        await handlers.onRecords(records);
        next += records.length;
        // Others may have appended more than this process had heard of.
        heads.advance(topic, partition, next);
      } catch (error) {
        logger.warn({ topic, partition, error: (error as Error).message }, 'reading the log failed; it is tried again');
        if (handlers.restart) next = undefined;
        await reader.pause(RETRY_MS);
      }
    }
  }

  return {
    epoch,
    partitions,
    append: (topic, partition, records) => appends.append(topic, partition, records),
    async endOffsets(topic) {
      await heads.refresh();
      return heads.of(topic).map((head) => head.next);
    },
    async lowOffsets(topic) {
      await heads.refresh();
      return heads.of(topic).map((head) => head.low);
    },
    async offsetsAt(topic, at) {
      // The ends first, so that what comes meanwhile is not passed over.
      await heads.refresh();
      const ends = heads.of(topic).map((head) => head.next);
      const found = await selectFirstOffsets(pool, topic, at);
      return ends.map((end, partition) => found.get(partition) ?? end);
    },
    tail({ topic, from, onRecords, onHole }: TailOptions) {
      const nexts = [...from];
      // Only this process appends, so that nothing can pass it by once it has read to the end.
      let caughtUp = false;
      const subscription = startReader((reader) =>
        from.map((first, partition) =>
          readPartition(reader, topic, partition, {
            start: async () => first,
            async onRecords(records) {
              await onRecords(partition, records);
              nexts[partition] = (records.at(-1)?.offset ?? -1) + 1;
            },
            async onHole(hole) {
              const next = await onHole(partition, hole);
              nexts[partition] = next;
              return next;
            },
            restart: false,
          }),
        ),
      );
      return {
        ...subscription,
        caughtUp() {
          caughtUp ||= nexts.every((next, partition) => next >= heads.at(topic, partition).next);
          return caughtUp;
        },
      };
    },
    subscribe({ topic, group, storedOffset, onRecords, onHole }: GroupOptions) {
      const name = `${topic} ${group}`;
      if (groups.has(name)) throw new Error(`the group ${group} reads ${topic} already; on this log a group has one member`);
      groups.add(name);
      const all = Array.from({ length: partitions[topic] }, (_, partition) => partition);
      const subscription = startReader(
        (reader) =>
          all.map((partition) => {
            let stored = 0;
            return readPartition(reader, topic, partition, {
              async start() {
                stored = await storedOffset(partition);
                await heads.refresh();
                const { low, next } = heads.at(topic, partition);
                return stored < low || stored > next ? stored : Math.max(low, stored - WINDOW);
              },
              onRecords: (records) =>
                onRecords(
                  partition,
                  records.map((record): GroupRecord => ({ ...record, past: record.offset < stored })),
                ),
              async onHole(hole) {
                onHole(partition, hole);
                return undefined;
              },
              restart: true,
            });
          }),
        () => groups.delete(name),
      );
      return { ...subscription, assigned: () => all };
    },
    async close() {
      clearInterval(pruning);
      appends.close();
      for (const reader of readers) reader.stop();
      await heads.stop();
    },
  };
}

/** One subscription's end: a flag for its loops and a signal for their waits. */
class Reader {
  readonly #controller = new AbortController();

  get stopped(): boolean {
    return this.#controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(): void {
    this.#controller.abort();
  }

  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, milliseconds);
      const { signal } = this;
      function done() {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}
