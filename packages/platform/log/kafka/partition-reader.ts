import { setTimeout as delay } from 'node:timers/promises';
import type { Topic } from '@starling/contracts/log';
import type { KafkaMessage } from 'kafkajs';
import type { Logger } from '../../telemetry/index.ts';
import type { Hole, LogRecord } from '../event-log.ts';
import type { Range } from './offsets.ts';
import { toRecord } from './records.ts';

/** So many records are handed over at a time. */
const BATCH = 500;
/** A reader that stands still so long before the end asks for its place again, ms. */
const STALLED_MS = 5_000;

export interface PartitionReaderOptions {
  topic: Topic;
  partition: number;
  logger: Logger;
  retryMs: number;
  /** Aborted when reading ends. */
  signal: AbortSignal;
  fetchRange(): Promise<Range>;
  /** Sets from where the brokers are read next. */
  seek(offset: number): void;
  pause(): void;
  resume(): void;
  /** The offset to begin at. */
  locate(): number | Promise<number>;
  /** So many records before that are read first. */
  lookBack: number;
  onRecords(records: LogRecord[]): void | Promise<void>;
  /** Resolves with where to go on; `undefined`: nowhere. */
  onHole(hole: Hole): number | undefined | Promise<number | undefined>;
  /** After a failed delivery the place is asked for again, instead of going on at the same. */
  relocate: boolean;
}

/**
 * One partition's place in the log. What kafkajs brings is only believed where it continues at that place: after a
 * rejoin, and whenever its position fell out of the log, it goes on elsewhere without a word.
 */
export class PartitionReader {
  readonly #options: PartitionReaderOptions;
  /** The expected offset; `undefined`: not known yet, and nothing is delivered. */
  #next: number | undefined;
  #halted = false;
  /** Deliveries and look-ups of the place come one after another. */
  #turn: Promise<void> = Promise.resolve();
  #busy = 0;
  /** Where reading back was tried already. */
  #readBack: number | undefined;
  #stalled = { at: -1, since: 0 };

  constructor(options: PartitionReaderOptions) {
    this.#options = options;
  }

  get next(): number | undefined {
    return this.#next;
  }

  /** The group has given the partition to this member, perhaps again. */
  assign(): void {
    const { relocate, seek } = this.#options;
    if (this.#halted) return this.#options.pause();
    if (this.#next !== undefined && !relocate) return seek(this.#next);
    this.#locateAgain();
  }

  /** Delivers what continues at the expected offset. Never rejects. */
  take(messages: KafkaMessage[]): Promise<void> {
    if (this.#next === undefined) return Promise.resolve();
    return this.#inTurn(() => this.#deliver(messages));
  }

  /** Compares the place with what the partition holds, for kafkajs keeps to itself when it is outside. */
  async watch(range: Range): Promise<void> {
    const next = this.#next;
    if (next === undefined || this.#halted || this.#busy > 0) return;
    if (next < range.low || next > range.end) return this.#inTurn(() => this.#check(undefined));
    const now = performance.now();
    if (next === range.end || this.#stalled.at !== next) this.#stalled = { at: next, since: now };
    else if (now - this.#stalled.since > STALLED_MS) {
      this.#stalled.since = now;
      this.#options.seek(next);
    }
  }

  /** Resolves when nothing is being delivered; after the signal's abort nothing will be. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#busy++;
    this.#turn = this.#turn.then(work).finally(() => this.#busy--);
    return this.#turn;
  }

  #locateAgain(): void {
    this.#next = undefined;
    void this.#inTurn(() => this.#locate());
  }

  async #locate(): Promise<void> {
    const { fetchRange, locate, lookBack, seek, signal } = this.#options;
    this.#next = undefined;
    while (!signal.aborted) {
      try {
        const start = await locate();
        // Looked up afterwards: others may have moved the place on, and the log with it.
        const range = await fetchRange();
        if (signal.aborted) return;
        if (start < range.low || start > range.end) return await this.#meetHole(start, range);
        this.#next = Math.max(range.low, start - lookBack);
        return seek(this.#next);
      } catch (error) {
        this.#warn(error, 'the place to read from is not known; it is asked for again');
        await this.#pause();
      }
    }
  }

  async #deliver(messages: KafkaMessage[]): Promise<void> {
    const { topic, partition, onRecords, signal } = this.#options;
    let at = messages.findIndex(({ offset }) => Number(offset) >= (this.#next ?? 0));
    while (at >= 0 && at < messages.length) {
      const next = this.#next;
      if (next === undefined || signal.aborted) return;
      const found = Number(messages[at]?.offset);
      if (found !== next) return this.#check(found);
      const records: LogRecord[] = [];
      for (const message of messages.slice(at, at + BATCH)) {
        if (Number(message.offset) !== next + records.length) break;
        records.push(toRecord(message, topic, partition));
      }
      try {
        await onRecords(records);
      } catch (error) {
        this.#warn(error, 'records of the log could not be taken; they come again');
        return this.#takeAgain();
      }
      // The group may have met again meanwhile, and the place is to be looked up.
      if (this.#next !== next) return;
      this.#next = next + records.length;
      this.#readBack = undefined;
      at += records.length;
    }
  }

  /** Holds this partition alone for a moment, then goes on where the last good delivery ended. */
  #takeAgain(): void {
    const { relocate, seek, pause, resume, signal } = this.#options;
    if (relocate) this.#next = undefined;
    else if (this.#next !== undefined) seek(this.#next);
    pause();
    void this.#pause().then(() => {
      if (signal.aborted || this.#halted) return;
      resume();
      if (relocate) this.#locateAgain();
    });
  }

  /** The log does not seem to go on at the expected offset; `found` is what came instead. */
  async #check(found: number | undefined): Promise<void> {
    const { topic, partition, logger, fetchRange, seek, signal } = this.#options;
    const next = this.#next;
    if (next === undefined || signal.aborted) return;
    try {
      const range = await fetchRange();
      if (next < range.low || next > range.end) return await this.#meetHole(next, range);
      if (found === undefined) return;
      // Read back and still not there: nothing stands at these offsets, as if they had been removed.
      if (this.#readBack === next) return await this.#meetHole(next, { low: found, end: range.end });
      this.#readBack = next;
      logger.warn({ topic, partition, expected: next, found }, 'the log was not read where it was left; it is read back');
      seek(next);
    } catch (error) {
      this.#warn(error, 'a hole in the log could not be looked at; it is met again');
      this.#takeAgain();
    }
  }

  async #meetHole(expected: number, { low, end }: Range): Promise<void> {
    const { onHole, seek, pause, signal } = this.#options;
    const to = await onHole({ is: expected < low ? 'gone' : 'lost', expected, low, end });
    if (signal.aborted) return;
    this.#next = to;
    this.#readBack = undefined;
    if (to !== undefined) return seek(to);
    this.#halted = true;
    pause();
  }

  #warn(error: unknown, message: string): void {
    const { topic, partition, logger, signal } = this.#options;
    if (!signal.aborted) logger.warn({ topic, partition, error: (error as Error).message }, message);
  }

  async #pause(): Promise<void> {
    const { retryMs, signal } = this.#options;
    await delay(retryMs, undefined, { signal }).catch(() => {});
  }
}
