import { setTimeout as delay } from 'node:timers/promises';
import type { Topic } from '@starling/contracts/log';
import type { Admin } from 'kafkajs';
import { causes } from './errors.ts';
import { topicName } from './names.ts';

const NO_LEADER = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE']);
const ATTEMPTS = 15;
const PAUSE_MS = 200;

/** What a partition holds: the offsets from `low` to before `end`. */
export interface Range {
  low: number;
  end: number;
}

/** Asks the leaders what each partition of a topic holds now. Calls that come during one wait for the next, so that none gets an old answer. */
export class Ranges {
  readonly #fetch: () => Promise<Range[]>;
  #running: Promise<Range[]> | undefined;
  #following: Promise<Range[]> | undefined;

  /** @param count the epoch's number of partitions: others, that were added, are not ours. */
  constructor(admin: Admin, topic: Topic, epoch: number, count: number) {
    this.#fetch = async () => {
      const offsets = await askLeaders(() => admin.fetchTopicOffsets(topicName(topic, epoch)));
      const ours = offsets.filter(({ partition }) => partition < count).sort((a, b) => a.partition - b.partition);
      return ours.map(({ low, high }) => ({ low: Number(low), end: Number(high) }));
    };
  }

  fetch(): Promise<Range[]> {
    if (!this.#running) return this.#start();
    this.#following ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#following = undefined;
        return this.#start();
      });
    return this.#following;
  }

  /** Of one partition. */
  async of(partition: number): Promise<Range> {
    const range = (await this.fetch())[partition];
    if (!range) throw new Error(`the log has no partition ${partition}`);
    return range;
  }

  #start(): Promise<Range[]> {
    const running = this.#fetch().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}

/** Asks the leaders for each partition's first record of at or after `at` (ms), or its end. `count` as of {@link Ranges}. */
export async function fetchOffsetsAt(admin: Admin, { name, count, at }: { name: string; count: number; at: number }): Promise<number[]> {
  // Times below 0 mean something else to the brokers. The ends are asked for first, so that none gets past a record.
  const offsets = await askLeaders(() => admin.fetchTopicOffsetsByTimestamp(name, Math.max(0, Math.floor(at))));
  const ours = offsets.filter(({ partition }) => partition < count).sort((a, b) => a.partition - b.partition);
  return ours.map(({ offset }) => Number(offset));
}

/** Asks again while a partition has no leader who knows that it is: for moments after it was made, or got another. */
async function askLeaders<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === ATTEMPTS || !causes(error).some(({ type }) => typeof type === 'string' && NO_LEADER.has(type))) throw error;
    }
    await delay(PAUSE_MS);
  }
}
