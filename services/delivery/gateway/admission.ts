/** Why a pod has no room for another socket now. */
export type NoRoom = 'full' | 'rate';

/** Upgrades that come together pass up to so many seconds' worth. */
const BURST_SECONDS = 2;

/**
 * How many sockets a pod takes: up to a cap, and so many a second, since each costs far more when it opens than later. The
 * bucket holds two seconds' worth of upgrades.
 */
export class Admission {
  readonly #cap: number;
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  /** @param now ms, of a clock that never goes back. */
  constructor({ cap, perSecond }: { cap: number; perSecond: number }, now: number) {
    this.#cap = cap;
    this.#perSecond = perSecond;
    this.#tokens = perSecond * BURST_SECONDS;
    this.#at = now;
  }

  /** Takes one more in, beside `open` others; or says why not. */
  admit(open: number, now: number): NoRoom | undefined {
    if (open >= this.#cap) return 'full';
    this.#tokens = Math.min(this.#perSecond * BURST_SECONDS, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#tokens < 1) return 'rate';
    this.#tokens--;
    return undefined;
  }
}
