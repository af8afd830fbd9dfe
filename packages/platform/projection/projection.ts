import {
  followsNewerRules,
  isPost,
  PartitionWindow,
  type Position,
  parseHeaders,
  positionOf,
  type RecordHeaders,
  RULES_LEVEL,
  type Topic,
} from '@starling/contracts/log';
import type pg from 'pg';
import { isTransient, transaction } from '../db/index.ts';
import type { EventLog, GroupRecord, GroupSubscription, Hole, LogRecord } from '../log/index.ts';
import type { OutboxRelay } from '../outbox/index.ts';
import { settleRows } from '../outbox/index.ts';
import { inRecordSpans, type Logger, SERVICE_ATTRIBUTE } from '../telemetry/index.ts';
import { advanceRow, ensureRow, insertFailed, type Place, type ProjectionRow, storableId } from './store.ts';

/** A record that counts: a fact, or a valid post. */
export interface CountedRecord extends LogRecord {
  parsed: RecordHeaders;
  position: Position;
}

export interface ProjectionOptions {
  pool: pg.Pool;
  log: EventLog;
  topic: Topic;
  group: string;
  logger: Logger;
  /** The outbox whose facts this topic brings back, if the service has one on it. */
  relay?: OutboxRelay;
  /** Writes what the records, of one partition and in order, change. In one transaction with the projection row. */
  apply(tx: pg.PoolClient, records: CountedRecord[]): Promise<void>;
}

const WAIT_POLL_MS = 50;

/**
 * Applies a topic to the tables of one service: decodes, judges, calls `apply` in the transaction that moves the
 * partition's row on by compare-and-set, and records where the service's own outbox rows came to stand. Transient
 * errors are retried for ever; a record that fails by a fault of ours is put aside and the rest goes on.
 */
export class Projection {
  readonly #options: ProjectionOptions;
  readonly #partitions: Partition[];
  #subscription: GroupSubscription | undefined;

  constructor(options: ProjectionOptions) {
    this.#options = options;
    this.#partitions = Array.from({ length: options.log.partitions[options.topic] }, () => new Partition());
  }

  get topic(): Topic {
    return this.#options.topic;
  }

  /** Why a partition has stopped for good: what was projected and what the log holds do not fit together. */
  get halted(): string | undefined {
    return this.#partitions.find((partition) => partition.halted)?.halted;
  }

  /** The next offset to apply, per partition; `undefined` for one that another process projects. */
  get nextOffsets(): (number | undefined)[] {
    const own = this.#subscription?.assigned() ?? [];
    return this.#partitions.map((partition, index) => (own.includes(index) ? partition.row.nextOffset : undefined));
  }

  start(): void {
    const { log, topic, group } = this.#options;
    this.#subscription = log.subscribe({
      topic,
      group,
      storedOffset: (partition) => this.#assign(partition),
      onRecords: (partition, records) => this.#take(partition, records),
      onHole: (partition, hole) => this.#halt(partition, describeHole(hole)),
    });
  }

  async stop(): Promise<void> {
    await this.#subscription?.stop();
  }

  /**
   * Resolves with true once every record of the partition before `offset` has been applied, with false after
   * `milliseconds`.
   */
  async waitFor(partition: number, offset: number, milliseconds: number): Promise<boolean> {
    const { pool } = this.#options;
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const state = this.#partition(partition);
      if (state.row.nextOffset >= offset) return true;
      // Another process may be the one that projects this partition.
      const row = await ensureRow(pool, this.#place(partition));
      if (row.nextOffset >= offset) return true;
      if (Date.now() >= deadline) return false;
      await state.advanced(Math.min(WAIT_POLL_MS, Math.max(1, deadline - Date.now())));
    }
  }

  /** Resolves when the partition has been moved on by this process, at the latest after `milliseconds`. */
  nextChange(partition: number, milliseconds: number): Promise<void> {
    return this.#partition(partition).advanced(milliseconds);
  }

  async #assign(index: number): Promise<number> {
    const partition = this.#partition(index);
    partition.row = await ensureRow(this.#options.pool, this.#place(index));
    partition.window = undefined;
    return partition.row.nextOffset;
  }

  async #take(index: number, records: GroupRecord[]): Promise<void> {
    const partition = this.#partition(index);
    if (partition.halted) return;
    const { log, topic, group } = this.#options;
    const counted: CountedRecord[] = [];
    let last: LogRecord | undefined;
    let newer: string | undefined;
    for (const record of records) {
      partition.window ??= new PartitionWindow(record.offset);
      if (followsNewerRules(record.headers)) {
        newer = `offset ${record.offset} is of rules level ${record.headers['level']}, and this version knows ${RULES_LEVEL}`;
        break;
      }
      const parsed = parseHeaders(record.headers);
      const verdict = partition.window.push(record.offset, record.key, parsed);
      if (record.past) {
        const { nextOffset, lastId } = partition.row;
        if (record.offset === nextOffset - 1 && lastId !== storableId(record))
          return this.#halt(index, `another record than the projected one stands at offset ${record.offset}`);
        continue;
      }
      last = record;
      if (verdict.is === 'unjudged') throw new Error(`offset ${record.offset} cannot be judged: the records behind it were not read`);
      if (parsed && (verdict.is === 'fact' || verdict.is === 'valid'))
        counted.push({ ...record, parsed, position: positionOf(log.epoch, record.offset) });
    }
    if (last) {
      const next: ProjectionRow = { nextOffset: last.offset + 1, lastId: storableId(last) };
      const attributes = { [SERVICE_ATTRIBUTE]: group, 'messaging.destination.name': topic };
      const settled = await inRecordSpans('project', counted, attributes, () => this.#applyAll(partition, index, counted, next));
      partition.row = next;
      partition.notify();
      this.#options.relay?.notifySettled(settled);
    }
    // What came before it counts by rules that are known.
    if (newer !== undefined) this.#halt(index, newer);
  }

  async #applyAll(partition: Partition, index: number, records: CountedRecord[], next: ProjectionRow): Promise<string[]> {
    try {
      return await this.#commit(partition, index, next, async (tx) => this.#options.apply(tx, records), records);
    } catch (error) {
      if (isTransient(error) || error instanceof Overtaken) throw error;
      return await this.#commit(partition, index, next, (tx) => this.#applyOneByOne(tx, records), records);
    }
  }

  async #applyOneByOne(tx: pg.PoolClient, records: CountedRecord[]): Promise<void> {
    for (const record of records) {
      await tx.query('SAVEPOINT one_record');
      try {
        await this.#options.apply(tx, [record]);
        await tx.query('RELEASE SAVEPOINT one_record');
      } catch (error) {
        if (isTransient(error)) throw error;
        await tx.query('ROLLBACK TO SAVEPOINT one_record');
        await insertFailed(tx, this.#options.log.epoch, record, error as Error);
        this.#options.logger.error(
          {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            kind: record.parsed.kind,
            error: (error as Error).message,
          },
          'a record could not be applied; it was put aside',
        );
      }
    }
  }

  #commit(
    partition: Partition,
    index: number,
    next: ProjectionRow,
    work: (tx: pg.PoolClient) => Promise<void>,
    records: CountedRecord[],
  ): Promise<string[]> {
    const { pool, relay } = this.#options;
    return transaction(pool, async (tx) => {
      if (!(await advanceRow(tx, this.#place(index), partition.row.nextOffset, next)))
        throw new Overtaken('another process has projected this partition');
      await work(tx);
      if (!relay) return [];
      return settleRows(
        tx,
        records.filter((record) => !isPost(record.parsed)).map((record) => ({ id: record.parsed.id, position: record.position })),
      );
    });
  }

  #halt(index: number, reason: string): void {
    const { topic, logger } = this.#options;
    this.#partition(index).halted = `partition ${index} of ${topic}: ${reason}`;
    logger.fatal({ topic, partition: index, reason }, 'the log is not the one that was projected; projecting it has stopped');
  }

  #place(partition: number): Place {
    const { log, topic } = this.#options;
    return { epoch: log.epoch, topic, partition };
  }

  #partition(index: number): Partition {
    const partition = this.#partitions[index];
    if (!partition) throw new Error(`there is no partition ${index} of ${this.#options.topic}`);
    return partition;
  }
}

class Overtaken extends Error {}

class Partition {
  row: ProjectionRow = { nextOffset: 0, lastId: null };
  window: PartitionWindow | undefined;
  halted: string | undefined;
  readonly #waiting = new Set<() => void>();

  notify(): void {
    for (const wake of this.#waiting) wake();
  }

  advanced(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#waiting.add(wake);
    });
  }
}

function describeHole({ is, expected, low, end }: Hole): string {
  return is === 'gone'
    ? `offset ${expected} comes next, but the log begins at ${low}`
    : `offset ${expected} comes next, but the log ends at ${end}`;
}
