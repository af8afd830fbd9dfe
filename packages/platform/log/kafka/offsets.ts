import type { Topic } from '@starling/contracts/log';
import type { Admin } from 'kafkajs';
import { topicName } from './topics.ts';

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
      const offsets = await admin.fetchTopicOffsets(topicName(topic, epoch));
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
