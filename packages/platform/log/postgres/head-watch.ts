import type { Topic } from '@starling/contracts/log';
import type pg from 'pg';
import type { Logger } from '../../telemetry/index.ts';
import { type Head, selectHeads } from './statements.ts';

const POLL_MS = 1_000;

/**
 * Where each partition begins and ends, as far as this process knows: told by its own appends at once, and looked up
 * once a second for those of others.
 */
export class HeadWatch {
  readonly #pool: pg.Pool;
  readonly #logger: Logger;
  readonly #heads = new Map<string, Head>();
  readonly #waiters = new Map<string, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(pool: pg.Pool, logger: Logger) {
    this.#pool = pool;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    await this.refresh();
    this.#timer = setInterval(() => {
      this.refresh().catch((error: Error) => this.#logger.warn({ error: error.message }, 'the ends of the log could not be read'));
    }, POLL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#refreshing?.catch(() => {});
  }

  at(topic: Topic, partition: number): Head {
    const head = this.#heads.get(name(topic, partition));
    if (!head) throw new Error(`the log has no partition ${partition} of ${topic}`);
    return head;
  }

  of(topic: Topic): Head[] {
    return [...this.#heads.values()].filter((head) => head.topic === topic).sort((a, b) => a.partition - b.partition);
  }

  /** A commit of ours ended at `next`. */
  advance(topic: Topic, partition: number, next: number): void {
    const head = this.at(topic, partition);
    if (next <= head.next) return;
    this.#set({ ...head, next });
  }

  /** Looks the heads up; calls that come during a look-up begun earlier wait for a new one, so that what they see is fresh. */
  async refresh(): Promise<void> {
    await this.#refreshing?.catch(() => {});
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /** Resolves when the partition does not end at `next`, or at the signal's abort. */
  async waitBeyond(topic: Topic, partition: number, next: number, signal: AbortSignal): Promise<Head> {
    for (;;) {
      const head = this.at(topic, partition);
      if (head.next !== next || signal.aborted) return head;
      await this.#changed(name(topic, partition), signal);
    }
  }

  async #load(): Promise<void> {
    const known = new Map([...this.#heads].map(([key, head]) => [key, head.next]));
    for (const head of await selectHeads(this.#pool)) {
      // An append of ours that committed during the look-up may have told more than the look-up saw.
      const held = this.#heads.get(name(head.topic, head.partition));
      const toldMeanwhile = held !== undefined && held.next !== known.get(name(head.topic, head.partition));
      this.#set(toldMeanwhile ? { ...head, next: Math.max(head.next, held.next) } : head);
    }
  }

  #set(head: Head): void {
    const key = name(head.topic, head.partition);
    this.#heads.set(key, head);
    for (const wake of this.#waiters.get(key) ?? []) wake();
  }

  #changed(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(key) ?? new Set();
      this.#waiters.set(key, waiters);
      const wake = () => {
        waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}

function name(topic: Topic, partition: number): string {
  return `${topic} ${partition}`;
}
