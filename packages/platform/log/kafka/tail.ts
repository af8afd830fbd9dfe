import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { TailOptions, TailSubscription } from '../event-log.ts';
import type { GapWatch } from './gap-watch.ts';
import { within } from './membership.ts';
import { Reader, type ReaderContext } from './reader.ts';

const DELETE_MS = 2_000;

/**
 * Reads as a pod, in a group of its own. The group's name is new for each consumer: the broker keeps one that died as a
 * member for a while, and would make a successor of the same name wait for it.
 */
export class Tail implements TailSubscription {
  readonly #context: ReaderContext;
  readonly #options: TailOptions;
  readonly #admin: Admin;
  readonly #gaps: GapWatch;
  readonly #groups: string[] = [];
  readonly #reader: Reader;
  readonly #unlisten: () => void;
  /** The ends of the log, fetched after the last moment at which this reader may have been out of touch. */
  #goal: number[] | undefined;
  #doubts = 0;
  #stopped = false;

  constructor(context: ReaderContext & { admin: Admin; gaps: GapWatch; groupPrefix: string }, options: TailOptions) {
    const { admin, gaps, groupPrefix, epoch } = context;
    const { topic, from, onRecords, onHole } = options;
    this.#context = context;
    this.#options = options;
    this.#admin = admin;
    this.#gaps = gaps;
    this.#unlisten = gaps.listen(() => this.#doubt());
    this.#reader = new Reader(context, {
      topic,
      groupId: () => {
        const name = `${groupPrefix}.${topic}.${epoch}-${randomBytes(6).toString('hex')}`;
        this.#groups.push(name);
        return name;
      },
      locate: (partition) => from[partition] ?? 0,
      lookBack: 0,
      relocate: false,
      onRecords,
      onHole: async (partition, hole) => {
        this.#doubt();
        return onHole(partition, hole);
      },
      onJoin: () => this.#doubt(),
    });
  }

  caughtUp(): boolean {
    this.#gaps.check();
    const { next } = this.#reader;
    return this.#goal?.every((end, partition) => (next[partition] ?? -1) >= end) ?? false;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unlisten();
    await this.#reader.stop();
    await within(DELETE_MS, this.#admin.deleteGroups(this.#groups));
  }

  #doubt(): void {
    this.#goal = undefined;
    void this.#fetchGoal(++this.#doubts);
  }

  async #fetchGoal(doubt: number): Promise<void> {
    const { ranges, timings } = this.#context;
    while (doubt === this.#doubts && !this.#stopped) {
      try {
        const fetched = await ranges[this.#options.topic].fetch();
        if (doubt === this.#doubts) this.#goal = fetched.map(({ end }) => end);
        return;
      } catch {
        // The brokers are away: nothing is known until they are back.
        await delay(timings.retry);
      }
    }
  }
}
