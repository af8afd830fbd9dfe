import type { ClientStorage } from '../storage/user-storage.ts';

/** A storage in memory that holds so many characters, as a browser's does. */
export class FakeStorage implements ClientStorage {
  readonly texts = new Map<string, string>();
  #room: number;
  #listeners: (() => void)[] = [];

  constructor(room = Number.POSITIVE_INFINITY) {
    this.#room = room;
  }

  get(key: string): string | null {
    return this.texts.get(key) ?? null;
  }

  set(key: string, value: string): void {
    const others = [...this.texts].reduce((sum, [name, text]) => sum + (name === key ? 0 : text.length), 0);
    if (others + value.length > this.#room) throw new Error('QuotaExceededError');
    this.texts.set(key, value);
    for (const listener of this.#listeners) listener();
  }

  remove(key: string): void {
    this.texts.delete(key);
  }

  keys(): string[] {
    return [...this.texts.keys()];
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The names of what is kept for a user. */
  namesOf(user: string): string[] {
    return this.keys().flatMap((key) => (key.startsWith(`starling/${user}/`) ? [key.slice(`starling/${user}/`.length)] : []));
  }
}
