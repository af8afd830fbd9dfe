import {
  CURSOR_TOPICS,
  type Cursor,
  type CursorTopic,
  followsNewerRules,
  isPost,
  type PostHeaders,
  parseHeaders,
  positionOf,
  type RecordHeaders,
  RULES_LEVEL,
  WINDOW,
} from '@starling/contracts/log';
import type { EventLog, Hole, LogRecord, TailSubscription } from '@starling/platform/log';
import type { Logger } from '@starling/platform/telemetry';
import { RingEntry } from '../ring/ring.ts';
import { Partition } from './partition.ts';

/** What the pod does with what it reads; called in the log's order, and nothing else runs in between. */
export interface TailListener {
  /** A fact, or a valid post whose value is good. */
  onCounted(entry: RingEntry, headers: RecordHeaders, partition: Partition): void;
  /** A post that does not count. */
  onVoid(conversation: string, headers: PostHeaders): void;
  /** What was delivered and what comes next do not join: clients must load a snapshot. */
  onBreak(): void;
}

/** How far back a partition must be read before a pod may judge and replay. */
const CATCH_UP_MS = 60_000;
const CURRENT_POLL_MS = 20;

/** The pod's own reading of the whole log, from a window's length back. */
export class Tails {
  readonly #log: EventLog;
  readonly #logger: Logger;
  readonly #ringBytes: number;
  readonly #listener: TailListener;
  #partitions: Record<CursorTopic, Partition[]> = { conversations: [], receipts: [], users: [] };
  #subscriptions: TailSubscription[] = [];
  #halted: string | undefined;
  #lost = false;
  #caughtUp = false;

  constructor(options: { log: EventLog; logger: Logger; ringBytes: number; listener: TailListener }) {
    this.#log = options.log;
    this.#logger = options.logger;
    this.#ringBytes = options.ringBytes;
    this.#listener = options.listener;
  }

  get epoch(): number {
    return this.#log.epoch;
  }

  /** A record of a newer version was met: this pod can judge nothing any more. */
  get halted(): string | undefined {
    return this.#halted;
  }

  /**
   * The log has lost records that it had, and gives their offsets out again: nothing may be appended to it before a new
   * epoch.
   */
  get lost(): boolean {
    return this.#lost;
  }

  /** Every tail has joined, and the log was read to what was its end when this pod started. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  /**
   * What this pod holds shows what others have written: nothing was missed by a standstill or a rejoin that has not
   * been read since. While it is false, the pod must not judge.
   */
  isCurrent(): boolean {
    return this.#caughtUp && this.#areCaughtUp();
  }

  #areCaughtUp(): boolean {
    return this.#subscriptions.every((subscription) => subscription.caughtUp());
  }

  /** Resolves with whether that became true within `milliseconds`. */
  whenCurrent(milliseconds: number): Promise<boolean> {
    return this.#until(() => this.isCurrent(), milliseconds);
  }

  async #until(condition: () => boolean, milliseconds: number): Promise<boolean> {
    const deadline = Date.now() + milliseconds;
    while (!condition()) {
      if (Date.now() >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, CURRENT_POLL_MS));
    }
    return true;
  }

  partition(topic: CursorTopic, index: number): Partition {
    const partition = this.#partitions[topic][index];
    if (!partition) throw new Error(`there is no partition ${index} of ${topic}`);
    return partition;
  }

  partitionsOf(topic: CursorTopic): readonly Partition[] {
    return this.#partitions[topic];
  }

  /** A cursor made of one offset per partition. */
  cursor(offset: (partition: Partition) => number): Cursor {
    const { conversations, receipts, users } = this.#partitions;
    return { epoch: this.epoch, conversations: conversations.map(offset), receipts: receipts.map(offset), users: users.map(offset) };
  }

  /** Reads back, and resolves when the tails have joined and the log has been read to its present end. */
  async start(): Promise<void> {
    for (const topic of CURSOR_TOPICS) {
      const [low, end] = [await this.#log.lowOffsets(topic), await this.#log.endOffsets(topic)];
      const from = end.map((next, index) => Math.max(low[index] ?? 0, next - WINDOW));
      this.#partitions[topic] = from.map((offset) => new Partition(offset, this.#ringBytes));
      this.#subscriptions.push(
        this.#log.tail({
          topic,
          from,
          onRecords: (index, records) => this.#take(topic, index, records),
          onHole: (index, hole) => this.#rebuild(topic, index, hole),
        }),
      );
      const read = await Promise.all(end.map((next, index) => this.partition(topic, index).waitFor(next, CATCH_UP_MS)));
      if (read.includes(false)) throw new Error(`the log's ${topic} could not be read to the end within ${CATCH_UP_MS / 1000} s`);
    }
    // Of an empty log everything is read before the first join.
    if (!(await this.#until(() => this.#areCaughtUp(), CATCH_UP_MS)))
      throw new Error(`the log could not be joined within ${CATCH_UP_MS / 1000} s`);
    this.#caughtUp = true;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
  }

  #take(topic: CursorTopic, index: number, records: LogRecord<CursorTopic>[]): void {
    if (this.#halted !== undefined) return;
    const partition = this.partition(topic, index);
    for (const record of records) {
      if (followsNewerRules(record.headers)) {
        partition.advanced();
        this.#halted = 'the log follows newer rules than this version knows';
        this.#logger.fatal(
          { topic, partition: index, offset: record.offset, level: record.headers['level'], known: RULES_LEVEL },
          this.#halted,
        );
        this.#listener.onBreak();
        return;
      }
      const headers = parseHeaders(record.headers);
      const verdict = partition.window.push(record.offset, record.key, headers);
      if (!headers || verdict.is === 'absent') continue;
      if (verdict.is === 'unjudged') partition.ring.startAt(record.offset + 1);
      else if (verdict.is === 'void') this.#listener.onVoid(record.key, headers as PostHeaders);
      else this.#count(partition, new RingEntry(record, positionOf(this.epoch, record.offset)), headers);
    }
    partition.advanced();
  }

  #count(partition: Partition, entry: RingEntry, headers: RecordHeaders): void {
    partition.ring.push(entry);
    this.#listener.onCounted(entry, headers, partition);
    if (isPost(headers) && entry.known && !entry.frame) partition.window.reject(entry.record.offset);
  }

  #rebuild(topic: CursorTopic, index: number, hole: Hole): number {
    const from = hole.is === 'gone' ? hole.low : Math.max(hole.low, hole.end - WINDOW);
    this.#logger.error({ topic, partition: index, ...hole }, 'the log does not go on where it was read to; this pod starts over');
    if (hole.is === 'lost') this.#lost = true;
    this.partition(topic, index).reset(from);
    this.#listener.onBreak();
    return from;
  }
}
