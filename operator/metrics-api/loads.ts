/** What a delivery pod answers at `/load`. */
export interface Load {
  connections: number;
  /** Since its process started. */
  refusedUpgrades: number;
  /** It sends its clients elsewhere, and ends. */
  draining: boolean;
}

/** A value, and when it was true (ms since 1970). */
export interface Reading {
  value: number;
  at: number;
  /** Of a rate: over how long it was taken. */
  windowSeconds?: number;
}

interface Entry extends Load {
  at: number;
}

/** Readings that a rate is taken over. */
const KEPT = 4;
/** In intervals between scrapes, beyond which a reading says nothing about now. */
const STALE_AFTER = 3;

/**
 * What pods have answered lately, by the uid of each. Whatever is not known is undefined, never 0: an autoscaler would
 * take a pod of which nothing is known for an empty one, and fold the fleet while a network is down.
 */
export class Loads {
  readonly #staleMs: number;
  readonly #pods = new Map<string, Entry[]>();

  constructor(options: { intervalMs: number }) {
    this.#staleMs = options.intervalMs * STALE_AFTER;
  }

  note(uid: string, load: Load, at: number): void {
    // After a gap there is nothing to take a rate from: what happened before it may have happened long ago.
    const earlier = (this.#pods.get(uid) ?? []).filter((entry) => at - entry.at <= this.#staleMs && entry.at < at);
    this.#pods.set(uid, [...earlier, { ...load, at }].slice(-KEPT));
  }

  /** Forgets all pods but these. */
  keepOnly(uids: ReadonlySet<string>): void {
    for (const uid of this.#pods.keys()) if (!uids.has(uid)) this.#pods.delete(uid);
  }

  connections(uid: string, now: number): Reading | undefined {
    const last = this.#current(uid, now)?.at(-1);
    return last && { value: last.connections, at: last.at };
  }

  /** Per second, over the last readings; it takes two. */
  refusedUpgrades(uid: string, now: number): Reading | undefined {
    const entries = this.#current(uid, now);
    const [first, last] = [entries?.[0], entries?.at(-1)];
    if (!entries || !first || !last || first === last) return undefined;
    const windowSeconds = (last.at - first.at) / 1_000;
    let refused = 0;
    for (const [index, entry] of entries.entries()) {
      const before = entries[index - 1];
      if (!before) continue;
      // A counter that went back belongs to a new process, which has counted from 0.
      refused += entry.refusedUpgrades >= before.refusedUpgrades ? entry.refusedUpgrades - before.refusedUpgrades : entry.refusedUpgrades;
    }
    return { value: refused / windowSeconds, at: last.at, windowSeconds };
  }

  #current(uid: string, now: number): Entry[] | undefined {
    const entries = this.#pods.get(uid);
    const last = entries?.at(-1);
    return last && !last.draining && now - last.at <= this.#staleMs ? entries : undefined;
  }
}
