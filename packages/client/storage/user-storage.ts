/**
 * Where a client keeps what shall outlive it: texts by key, as `localStorage` has them. Several clients may share one,
 * and change it at any time. `set` may throw when there is no room.
 */
export interface ClientStorage {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  /** All keys, also those of others. */
  keys(): Iterable<string>;
  /** Calls `listener` when another client has changed something; needed only where several share it. */
  onChange?(listener: () => void): void;
}

/** The part of a storage that is the user's. Nothing is kept while it is not known who that is, or without a storage. */
export class UserStorage {
  #storage: ClientStorage | undefined;
  #prefix: string | null = null;

  constructor(storage: ClientStorage | undefined) {
    this.#storage = storage;
  }

  open(user: string): void {
    this.#prefix = `starling/${user}/`;
  }

  close(): void {
    this.#prefix = null;
  }

  get(name: string): string | null {
    return this.#prefix === null ? null : (this.#storage?.get(this.#prefix + name) ?? null);
  }

  /** Returns whether it is kept. */
  set(name: string, value: string): boolean {
    if (!this.#storage || this.#prefix === null) return false;
    try {
      this.#storage.set(this.#prefix + name, value);
      return true;
    } catch {
      // There is no room, or the browser allows none.
      return false;
    }
  }

  remove(name: string): void {
    if (this.#prefix !== null) this.#storage?.remove(this.#prefix + name);
  }

  /** What is kept under names that begin with `start`: the rest of the name, and the value. */
  entries(start: string): [rest: string, value: string][] {
    if (!this.#storage || this.#prefix === null) return [];
    const prefix = this.#prefix + start;
    const found: [string, string][] = [];
    for (const key of this.#storage.keys()) {
      const value = key.startsWith(prefix) ? this.#storage.get(key) : null;
      if (value !== null) found.push([key.slice(prefix.length), value]);
    }
    return found;
  }

  clear(start: string): void {
    for (const [rest] of this.entries(start)) this.remove(start + rest);
  }
}
