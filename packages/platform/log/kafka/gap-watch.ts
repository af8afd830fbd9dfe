import type { Clock } from '../../clock/index.ts';

const TICK_MS = 250;
const GAP_MS = 2_000;

/**
 * Notices that this process stood still (stopped, swapped, a long collection) for more than 2 s: meanwhile the world
 * went on, and what it holds may be old. To be asked before something relies on being up to date, since after a
 * standstill other events may come before the timer's.
 */
export class GapWatch {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #last: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = clock.now();
    this.#timer = setInterval(() => this.check(), TICK_MS);
    this.#timer.unref();
  }

  /** Tells the listeners at once if there was a gap. */
  check(): void {
    const now = this.#clock.now();
    const gap = now - this.#last;
    this.#last = now;
    if (gap > GAP_MS) for (const listener of this.#listeners) listener();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
