/** Time as the client sees it. Tests pass their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `run` once after `milliseconds`; the function returned calls it off. */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Exponential backoff with full jitter: anything from 0 to min(15 s, 250 ms · 2^failures). */
export function backoff(failures: number, random: () => number): number {
  return random() * Math.min(15_000, 250 * 2 ** Math.min(failures, 10));
}
