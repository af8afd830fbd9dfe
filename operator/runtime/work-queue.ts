import { backoff, systemTime, type Time } from '../kube/time.ts';
import { KubeError } from '../kube/types.ts';

/** When to look again at the latest, ms. */
export type Again = { after?: number | undefined } | undefined;

export interface WorkQueueOptions {
  /** Of one key at a time. `signal` aborts when the queue stops. A rejection is tried again, later each time. */
  work: (key: string, signal: AbortSignal) => Promise<Again>;
  /** Keys at a time. */
  concurrency?: number | undefined;
  time?: Time | undefined;
  firstBackoffMs?: number | undefined;
  backoffCapMs?: number | undefined;
  onDone?: ((outcome: { key: string; seconds: number; error?: unknown }) => void) | undefined;
}

export interface WorkQueue {
  /** To be worked on soon; once, however often it is added before that. Added while it is worked on: once more after it. */
  add(key: string, options?: { afterMs?: number }): void;
  /** Keys that wait, without those for a time to come. */
  depth(): number;
  /** Takes no more, aborts what is under way and resolves when it has ended. */
  stop(): Promise<void>;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { work, concurrency = 4, time = systemTime, onDone } = options;
  const { firstBackoffMs = 500, backoffCapMs = 60_000 } = options;
  const stopped = new AbortController();
  /** In the order of their being added. */
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  /** Added while they run. */
  const again = new Set<string>();
  const later = new Map<string, { at: number; cancel: () => void }>();
  const failures = new Map<string, number>();

  function addNow(key: string): void {
    if (stopped.signal.aborted) return;
    later.get(key)?.cancel();
    later.delete(key);
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    fill();
  }

  /** Of two times the earlier one counts. */
  function addLater(key: string, afterMs: number): void {
    const at = time.now() + afterMs;
    const planned = later.get(key);
    if (stopped.signal.aborted || waiting.has(key) || again.has(key) || (planned && planned.at <= at)) return;
    planned?.cancel();
    later.set(key, { at, cancel: time.after(afterMs, () => addNow(key)) });
  }

  function fill(): void {
    for (const key of waiting) {
      if (running.size >= concurrency || stopped.signal.aborted) return;
      waiting.delete(key);
      running.set(key, run(key));
    }
  }

  async function run(key: string): Promise<void> {
    const begun = time.now();
    // Lets the caller of `add` go on first.
    await Promise.resolve();
    let next: number | undefined;
    let failure: { error: unknown } | undefined;
    try {
      next = (await work(key, stopped.signal))?.after;
      failures.delete(key);
    } catch (error) {
      failure = { error };
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const asked = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
      next = Math.max(asked, backoff(count, { firstMs: firstBackoffMs, capMs: backoffCapMs }));
    }
    running.delete(key);
    onDone?.({ key, seconds: (time.now() - begun) / 1000, ...failure });
    // What was added meanwhile is news, also to what has just failed; but it must not turn a failure into a loop.
    if (again.delete(key)) addLater(key, failure ? Math.min(next ?? 0, firstBackoffMs) : 0);
    if (next !== undefined) addLater(key, next);
    fill();
  }

  return {
    add: (key, { afterMs = 0 } = {}) => (afterMs > 0 ? addLater(key, afterMs) : addNow(key)),
    depth: () => waiting.size,
    async stop() {
      stopped.abort(new Error('the work queue was stopped'));
      for (const { cancel } of later.values()) cancel();
      later.clear();
      waiting.clear();
      await Promise.all(running.values());
    },
  };
}
