import type { Profile } from '@starling/contracts/events';
import { isNewer } from '@starling/contracts/log';
import { backoff, type Clock } from '../clock.ts';
import type { Store } from './store.ts';

const BATCH = 200;

/** Fetches the profiles of users when they are first seen, many at once. */
export class Profiles {
  #store: Store;
  #cards: (users: string[]) => Promise<Profile[]>;
  #clock: Clock;
  #random: () => number;
  #wanted = new Set<string>();
  /** Asked for, or known not to exist. */
  #asked = new Set<string>();
  #failures = 0;
  #cancel: (() => void) | undefined;

  constructor(store: Store, cards: (users: string[]) => Promise<Profile[]>, clock: Clock, random: () => number) {
    this.#store = store;
    this.#cards = cards;
    this.#clock = clock;
    this.#random = random;
  }

  want(users: Iterable<string>): void {
    for (const user of users) {
      if (!this.#asked.has(user) && !this.#store.getState().profiles.has(user)) this.#wanted.add(user);
    }
    if (this.#wanted.size > 0) this.#cancel ??= this.#clock.after(5, () => void this.#fetch());
  }

  put(profiles: Profile[]): void {
    const held = new Map(this.#store.getState().profiles);
    const fresh = profiles.filter((profile) => isNewer(held.get(profile.id), profile));
    for (const profile of fresh) held.set(profile.id, profile);
    if (fresh.length > 0) this.#store.update({ profiles: held });
  }

  reset(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wanted.clear();
    this.#asked.clear();
  }

  async #fetch(): Promise<void> {
    const batch = [...this.#wanted].slice(0, BATCH);
    for (const user of batch) {
      this.#wanted.delete(user);
      this.#asked.add(user);
    }
    const user = this.#store.getState().user;
    try {
      const profiles = await this.#cards(batch);
      this.#failures = 0;
      if (this.#store.getState().user === user) this.put(profiles);
    } catch {
      this.#failures++;
      for (const missed of batch) {
        this.#asked.delete(missed);
        this.#wanted.add(missed);
      }
    }
    if (this.#store.getState().user !== user) return;
    this.#cancel = undefined;
    if (this.#wanted.size === 0) return;
    this.#cancel = this.#clock.after(this.#failures > 0 ? 1000 + backoff(this.#failures, this.#random) : 0, () => void this.#fetch());
  }
}
