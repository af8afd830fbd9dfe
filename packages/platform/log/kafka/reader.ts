import type { Topic } from '@starling/contracts/log';
import type { Kafka } from 'kafkajs';
import type { Logger } from '../../telemetry/index.ts';
import type { Hole, LogRecord, Subscription } from '../event-log.ts';
import type { Timings } from './client.ts';
import { Membership } from './membership.ts';
import { topicName } from './names.ts';
import type { Ranges } from './offsets.ts';
import { PartitionReader } from './partition-reader.ts';
import type { Warn } from './quiet-warnings.ts';

/** What readers of one log share. */
export interface ReaderContext {
  kafka: Kafka;
  epoch: number;
  partitions: Readonly<Record<Topic, number>>;
  ranges: Record<Topic, Ranges>;
  timings: Timings;
  logger: Logger;
  warnAbout(about: string): Warn;
}

export interface ReaderOptions {
  topic: Topic;
  groupId(): string;
  locate(partition: number): number | Promise<number>;
  lookBack: number;
  relocate: boolean;
  onRecords(partition: number, records: LogRecord[]): void | Promise<void>;
  onHole(partition: number, hole: Hole): number | undefined | Promise<number | undefined>;
  onJoin?(): void;
}

/** Reads the partitions of a topic that a group gives to this member. */
export class Reader implements Subscription {
  readonly #context: ReaderContext;
  readonly #options: ReaderOptions;
  readonly #stopping = new AbortController();
  readonly #membership: Membership;
  readonly #partitions: PartitionReader[];
  readonly #watching: NodeJS.Timeout;
  #assigned: number[] = [];

  constructor(context: ReaderContext, options: ReaderOptions) {
    this.#context = context;
    this.#options = options;
    const { kafka, epoch, partitions, timings, warnAbout } = context;
    const { topic, groupId } = options;
    const count = partitions[topic];
    this.#membership = new Membership({
      kafka,
      topic: topicName(topic, epoch),
      partitions: count,
      groupId,
      timings,
      warn: warnAbout(topic),
      onJoin: (assigned) => this.#join(assigned),
      onMessages: async (partition, messages, from) => this.#partitions[partition]?.take(messages, from),
    });
    this.#partitions = Array.from({ length: count }, (_, partition) => this.#createPartition(partition));
    this.#watching = setInterval(() => void this.#watch(), timings.watch);
    this.#membership.start();
  }

  /** The next offset of each partition, as far as it is known. */
  get next(): (number | undefined)[] {
    return this.#partitions.map((partition) => partition.next);
  }

  get assigned(): readonly number[] {
    return this.#assigned;
  }

  commit(offsets: { partition: number; offset: number }[]): Promise<void> {
    return this.#membership.commit(offsets);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#watching);
    await Promise.all(this.#partitions.map((partition) => partition.idle()));
    await this.#membership.stop();
  }

  #createPartition(partition: number): PartitionReader {
    const { ranges, timings, warnAbout } = this.#context;
    const { topic, locate, lookBack, relocate, onRecords, onHole } = this.#options;
    return new PartitionReader({
      topic,
      partition,
      warn: warnAbout(`${topic} ${partition}`),
      retryMs: timings.retry,
      signal: this.#stopping.signal,
      fetchRange: () => ranges[topic].of(partition),
      seek: (offset) => this.#membership.seek(partition, offset),
      pause: () => this.#membership.pause(partition),
      resume: () => this.#membership.resume(partition),
      locate: () => locate(partition),
      lookBack,
      relocate,
      onRecords: (records) => onRecords(partition, records),
      onHole: (hole) => onHole(partition, hole),
    });
  }

  #join(assigned: number[]): void {
    this.#assigned = assigned.filter((partition) => partition < this.#partitions.length);
    if (this.#assigned.length < assigned.length) {
      this.#context.logger.error({ topic: this.#options.topic }, 'the topic has got more partitions than its epoch has; they are not read');
    }
    for (const partition of this.#assigned) this.#partitions[partition]?.assign();
    this.#options.onJoin?.();
  }

  async #watch(): Promise<void> {
    if (this.#assigned.length === 0) return;
    const ranges = await this.#context.ranges[this.#options.topic].fetch().catch(() => []);
    if (this.#stopping.signal.aborted) return;
    for (const partition of this.#assigned) {
      const range = ranges[partition];
      if (range) void this.#partitions[partition]?.watch(range);
    }
  }
}
