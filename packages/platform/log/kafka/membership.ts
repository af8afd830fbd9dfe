import type { Consumer, Kafka, KafkaMessage } from 'kafkajs';
import type { Timings } from './client.ts';
import type { Warn } from './quiet-warnings.ts';

const LEAVE_MS = 5_000;
const RESTART_MS = 1_000;

export interface MembershipOptions {
  kafka: Kafka;
  /** The topic's name on the brokers. */
  topic: string;
  partitions: number;
  /** The group's name; asked again whenever a new consumer is made. */
  groupId(): string;
  timings: Timings;
  warn: Warn;
  /** The group has given these partitions to this member. Positions must be sought here: the group's are forgotten. */
  onJoin(partitions: number[]): void;
  /** Messages of one partition, as they were fetched from the offset `from` on. Must not reject. */
  onMessages(partition: number, messages: KafkaMessage[], from: number): Promise<void>;
}

/**
 * Membership in a consumer group for as long as it is wanted: kafkajs gives a consumer up after some failures, and then
 * a new one is made. Nothing is committed but what `commit` is given.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #end = Promise.withResolvers<void>();
  #consumer: Consumer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Leaves the group, if the brokers can be told; the broker forgets a silent member by itself. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#end.resolve();
    await this.#running;
  }

  /** Takes effect with the next fetch; one under way is dropped. */
  seek(partition: number, offset: number): void {
    this.#tell((consumer, topic) => consumer.seek({ topic, partition, offset: String(offset) }));
  }

  pause(partition: number): void {
    this.#tell((consumer, topic) => consumer.pause([{ topic, partitions: [partition] }]));
  }

  resume(partition: number): void {
    this.#tell((consumer, topic) => consumer.resume([{ topic, partitions: [partition] }]));
  }

  /** Best effort: it only tells others how far the group is. */
  async commit(offsets: { partition: number; offset: number }[]): Promise<void> {
    const { topic } = this.#options;
    await this.#consumer
      ?.commitOffsets(offsets.map(({ partition, offset }) => ({ topic, partition, offset: String(offset) })))
      .catch(() => {});
  }

  #tell(what: (consumer: Consumer, topic: string) => void): void {
    if (!this.#consumer) return;
    try {
      what(this.#consumer, this.#options.topic);
    } catch {
      // It was given up a moment ago; when the next one joins, everything is said anew.
    }
  }

  async #run(): Promise<void> {
    const { warn, topic } = this.#options;
    while (!this.#stopped) {
      const consumer = this.#createConsumer();
      const crash = Promise.withResolvers<void>();
      consumer.on(consumer.events.CRASH, ({ payload }) => crash.reject(payload.error));
      const started = this.#consume(consumer);
      try {
        await Promise.race([started.then(() => crash.promise), this.#end.promise]);
      } catch (error) {
        if (!this.#stopped) warn({ topic, error: (error as Error).message }, 'reading a topic was given up; it is begun again');
      }
      crash.promise.catch(() => {});
      this.#consumer = undefined;
      // A consumer that is still joining would go on after its disconnection.
      const left = started.catch(() => {}).then(() => consumer.disconnect());
      await within(LEAVE_MS, left);
      if (!this.#stopped) await within(RESTART_MS, this.#end.promise);
    }
  }

  #createConsumer(): Consumer {
    const { kafka, groupId, timings } = this.#options;
    return kafka.consumer({
      groupId: groupId(),
      sessionTimeout: timings.session,
      heartbeatInterval: timings.heartbeat,
      maxWaitTimeInMs: timings.fetch,
      allowAutoTopicCreation: false,
      // The ends that kafkajs fetches are those of what is committed, and readers must mean the same by an end.
      readUncommitted: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 10, restartOnFailure: async () => false },
    });
  }

  /** Resolves when the consumer has joined, or has given up with its event CRASH. */
  async #consume(consumer: Consumer): Promise<void> {
    const { topic, partitions, timings, onJoin, onMessages } = this.#options;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      if (!this.#stopped) onJoin(payload.memberAssignment[topic] ?? []);
    });
    await consumer.connect();
    if (this.#stopped) return;
    await consumer.subscribe({ topic });
    if (this.#stopped) return;
    this.#consumer = consumer;
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: partitions,
      async eachBatch({ batch, heartbeat, isStale }) {
        if (isStale()) return;
        // A long handler must not look like a dead member. What a heartbeat tells is told again after the batch.
        const beating = setInterval(() => void heartbeat().catch(() => {}), timings.heartbeat);
        try {
          const { fetchedOffset } = batch as typeof batch & { fetchedOffset: string };
          await onMessages(batch.partition, batch.messages, Number(fetchedOffset));
        } finally {
          clearInterval(beating);
        }
      },
    });
  }
}

/** Waits for a promise, whatever becomes of it, but not longer. */
export async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    promise.catch(() => {}),
    new Promise((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    }),
  ]);
  clearTimeout(timer);
}
