import type { Time } from './time.ts';

/** A second of it passes in a `factor`th of a second: for whole systems with real connections. */
export function compressTime(factor: number): Time {
  return {
    now: () => performance.now() * factor,
    after(milliseconds, run) {
      const timer = setTimeout(run, milliseconds / factor);
      return () => clearTimeout(timer);
    },
  };
}

/** Time that stands still until it is advanced; what falls due is called in its order. */
export class ManualTime implements Time {
  #now = 0;
  #due = new Map<object, { at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): () => void {
    const key = {};
    this.#due.set(key, { at: this.#now + milliseconds, run });
    return () => this.#due.delete(key);
  }

  /** Also lets what was called, and whatever awaits it, run. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await new Promise(setImmediate);
      const [key, next] = [...this.#due].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (key === undefined || next === undefined || next.at > end) break;
      this.#due.delete(key);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
    await new Promise(setImmediate);
  }
}
