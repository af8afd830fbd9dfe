import { setTimeout as delay } from 'node:timers/promises';
import type { Topic } from '@starling/contracts/log';
import type { KafkaMessage } from 'kafkajs';
import type { Hole, LogRecord } from '../event-log.ts';
import type { Range } from './offsets.ts';
import type { Warn } from './quiet-warnings.ts';
import { toRecord } from './records.ts';

/** So many records are handed over at a time. */
const BATCH = 500;
/** A reader that stands still so long before the end asks for its place again, ms. */
const STALLED_MS = 5_000;

export interface PartitionReaderOptions {
  topic: Topic;
  partition: number;
  warn: Warn;
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
  #stalled = { at: -1, since: 0 };

  constructor(options: PartitionReaderOptions) {
    this.#options = options;
  }

  get next(): number | undefined {
    return this.#next;
  }

  /** The group has given the partition to this member, perhaps again. */
  assign(): void {
    const { relocate, seek, pause } = this.#options;
    if (this.#halted) pause();
    else if (this.#next !== undefined && !relocate) seek(this.#next);
    else this.#locateAgain();
  }

  /** Delivers what continues at the expected offset, of messages fetched from the offset `from` on. Never rejects. */
  take(messages: KafkaMessage[], from: number): Promise<void> {
    if (this.#next === undefined) return Promise.resolve();
    return this.#inTurn(() => this.#deliver(messages, from));
  }

  /** Compares the place with what the partition holds, for kafkajs keeps to itself when it is outside. */
  async watch(range: Range): Promise<void> {
    const next = this.#next;
    if (next === undefined || this.#halted || this.#busy > 0) return;
    if (next < range.low || next > range.end) return this.#inTurn(() => this.#check());
    const now = performance.now();
    if (next === range.end || this.#stalled.at !== next) this.#stalled = { at: next, since: now };
    else if (now - this.#stalled.since > STALLED_MS) {
      const { topic, partition, warn, seek } = this.#options;
      this.#stalled.since = now;
      warn({ topic, partition, expected: next, end: range.end }, 'the log was not read on where it was left; it is read back');
      seek(next);
    }
  }

  /** Resolves when nothing is being delivered; after the signal's abort nothing will be. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#busy++;
    this.#turn = this.#turn
      .then(work)
      .catch((error: unknown) => this.#warn(error, 'a fault of the reader itself'))
      .finally(() => this.#busy--);
    return this.#turn;
  }

  #locateAgain(): void {
    this.#next = undefined;
    void this.#inTurn(() => this.#locate());
  }

  async #locate(): Promise<void> {
    const { locate, lookBack, seek, signal } = this.#options;
    this.#next = undefined;
    while (!signal.aborted) {
      try {
        const start = await locate();
        // Looked up afterwards: others may have moved the place on, and the log with it.
        const range = await this.#fetchRange();
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

  async #deliver(messages: KafkaMessage[], from: number): Promise<void> {
    const { topic, partition, onRecords, signal } = this.#options;
    let at = messages.findIndex(({ offset }) => Number(offset) >= (this.#next ?? 0));
    while (at >= 0 && at < messages.length) {
      const next = this.#next;
      if (next === undefined || signal.aborted) return;
      const found = Number(messages[at]?.offset);
      if (found !== next) return this.#check({ found, from });
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

  /** The log does not seem to go on at the expected offset; `found` came instead when it was read from `from` on. */
  async #check(read?: { found: number; from: number }): Promise<void> {
    const { topic, partition, warn, seek, signal } = this.#options;
    const next = this.#next;
    if (next === undefined || signal.aborted) return;
    try {
      const range = await this.#fetchRange();
      if (next < range.low || next > range.end) return await this.#meetHole(next, range);
      if (!read) return;
      // Read over that very place: nothing stands there, as if it had been removed.
      if (read.from <= next) return await this.#meetHole(next, { low: read.found, end: range.end });
      warn({ topic, partition, expected: next, found: read.found }, 'the log was not read where it was left; it is read back');
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
    if (to !== undefined) return seek(to);
    this.#halted = true;
    pause();
  }

  /** Gives up at the end of reading: brokers that are away must not hold it up. */
  #fetchRange(): Promise<Range> {
    const { fetchRange, signal } = this.#options;
    return new Promise((resolve, reject) => {
      const end = () => reject(signal.reason);
      if (signal.aborted) return end();
      signal.addEventListener('abort', end, { once: true });
      fetchRange()
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', end));
    });
  }

  #warn(error: unknown, message: string): void {
    const { topic, partition, warn, signal } = this.#options;
    if (!signal.aborted) warn({ topic, partition, error: (error as Error).message }, message);
  }

  async #pause(): Promise<void> {
    const { retryMs, signal } = this.#options;
    await delay(retryMs, undefined, { signal }).catch(() => {});
  }
}
