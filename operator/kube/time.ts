/** What time it is, and calls at a later time. Tests pass their own. */
export interface Time {
  /** Milliseconds; differences of it are what is used. */
  now(): number;
  /** Calls `run` once, `milliseconds` from now at the earliest. Returns how to call it off. */
  after(milliseconds: number, run: () => void): () => void;
}

/** Node's timers hold no more, and take what is longer for 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Of this process: it goes on when the machine's date is set, and does not jump. */
export const systemTime: Time = {
  now: () => performance.now(),
  after(milliseconds, run) {
    let timer: NodeJS.Timeout;
    const arm = (left: number) => {
      const now = Math.min(left, LONGEST_TIMER_MS);
      timer = setTimeout(() => (left > now ? arm(left - now) : run()), now);
    };
    arm(milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Resolves after that many milliseconds, or at once when the signal aborts. */
export function pause(time: Time, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = time.after(milliseconds, end);
    signal?.addEventListener('abort', end);
  });
}

/** Half of it up to all of it: so that those who failed together do not come back together. */
export function jitter(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random() / 2);
}

/** How long to wait after so many failures in a row (1: the first): doubled each time up to a cap, with jitter. */
export function backoff(failures: number, options: { firstMs: number; capMs: number }): number {
  return jitter(Math.min(options.capMs, options.firstMs * 2 ** Math.min(failures - 1, 30)));
}
