import type { Headers, Topic } from '@starling/contracts/log';

/** A record as it is appended. */
export interface NewRecord {
  /** Conversation id or user id; decides the partition, see `partitionOf`. */
  key: string;
  headers: Headers;
  value: Uint8Array;
}

/** A record as it is read. */
export interface LogRecord<T extends Topic = Topic> extends NewRecord {
  topic: T;
  partition: number;
  offset: number;
  /** When the log took it, ms since 1970. */
  at: number;
}

/** A record that a group reads; `past`: before the group's stored offset, to be taken in but not acted on. */
export interface GroupRecord extends LogRecord {
  past: boolean;
}

/**
 * Where the log does not continue at the expected offset. `gone`: records were removed below `low` by retention.
 * `lost`: the log ends at `end`, before the expected offset; it has lost records that it had.
 */
export interface Hole {
  is: 'gone' | 'lost';
  expected: number;
  low: number;
  end: number;
}

/** What was to be appended has certainly not been written, and never will be. */
export class AppendRefused extends Error {
  override name = 'AppendRefused';
}

/** A running reader. */
export interface Subscription {
  /** Resolves when the handler is no longer running and will not be called again. */
  stop(): Promise<void>;
}

/** A running tail. */
export interface TailSubscription extends Subscription {
  /**
   * Whether it has read up to ends of the log that were fetched after its start, and after the last moment at which it
   * may have been out of touch with the log: a standstill of the process, a rejoin. Only then does what the reader holds
   * show what others have written. Records that come after it turned true do not turn it false.
   */
  caughtUp(): boolean;
}

/** A running member of a group. */
export interface GroupSubscription extends Subscription {
  /** The partitions that the group has given to this member, as far as it knows. */
  assigned(): readonly number[];
}

export interface TailOptions<T extends Topic = Topic> {
  topic: T;
  /** First offset wanted, per partition. */
  from: number[];
  /**
   * Gets consecutive records of one partition, never before the call for the preceding ones of that partition has
   * settled. A rejection is a bug of the reader: the same records come again after a pause.
   */
  onRecords(partition: number, records: LogRecord<T>[]): void | Promise<void>;
  /** Returns the offset to go on from. */
  onHole(partition: number, hole: Hole): number | Promise<number>;
}

export interface GroupOptions {
  topic: Topic;
  /** Names the group; its members share the partitions between them. */
  group: string;
  /** Reads the group's own stored next offset of a partition; called at every assignment. */
  storedOffset(partition: number): Promise<number>;
  /**
   * Gets consecutive records of one partition. It starts with up to 16,384 records before the stored offset, marked
   * `past`. A rejection means that nothing was done: reading starts over from the stored offset, after a pause.
   */
  onRecords(partition: number, records: GroupRecord[]): Promise<void>;
  /** The stored offset is not within the log: the group's partition stops; the rest goes on. */
  onHole(partition: number, hole: Hole): void;
}

/**
 * The backbone: topics of partitions of records, each partition in one total order. What every driver guarantees:
 *
 * - **Order.** Records of one partition are read by everyone in the order of their offsets, without gaps. An append's
 *   records get consecutive offsets. An offset that was read never changes its record, and no record appears later at
 *   an offset below one that was read: a slow appender that got the lower offset holds the others back.
 * - **Durability.** A resolved `append` has been written to stable storage. One rejected with
 *   {@link AppendRefused} has not been; any other rejection leaves the outcome **unknown**: its records may be there,
 *   once.
 * - **Tails** see every record from their first offset on, exactly once per subscription.
 * - **Groups** see every record at least once; what they did for it must be recorded together with the next offset.
 * - Readers are independent: a slow, failing or stopped one holds up nobody else.
 */
export interface EventLog {
  readonly epoch: number;
  /** The number of partitions of each topic, fixed for the epoch. `ephemeral`, which is of no epoch, has one. */
  readonly partitions: Readonly<Record<Topic, number>>;

  /** Appends to one partition and resolves with the records' offsets. All keys must belong to that partition. */
  append(topic: Topic, partition: number, records: NewRecord[]): Promise<number[]>;

  /** The offset after the last record, per partition. */
  endOffsets(topic: Topic): Promise<number[]>;

  /** The offset of the first record that is still there (or the end), per partition. */
  lowOffsets(topic: Topic): Promise<number[]>;

  /**
   * The offset of the first record that is still there and that the log took at or after `at` (ms), or the end where
   * there is none, per partition. Reading from there misses no record taken from `at` on by the log's own clock: it may
   * differ from the caller's, and may have been set back, so that later records can bear earlier times.
   */
  offsetsAt(topic: Topic, at: number): Promise<number[]>;

  /** Reads as a pod: own position, nothing stored. */
  tail<T extends Topic>(options: TailOptions<T>): TailSubscription;

  /** Reads as a member of a group, from its stored offsets. */
  subscribe(options: GroupOptions): GroupSubscription;

  /** Stops all readers and rejects what waits to be appended. */
  close(): Promise<void>;
}

/** The same log with another `append` before its own. */
export function withAppend(log: EventLog, append: EventLog['append']): EventLog {
  return {
    epoch: log.epoch,
    partitions: log.partitions,
    append,
    endOffsets: (topic) => log.endOffsets(topic),
    lowOffsets: (topic) => log.lowOffsets(topic),
    offsetsAt: (topic, at) => log.offsetsAt(topic, at),
    tail: (options) => log.tail(options),
    subscribe: (options) => log.subscribe(options),
    close: () => log.close(),
  };
}
