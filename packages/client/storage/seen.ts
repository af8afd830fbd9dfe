import type { State } from '../sync/state.ts';
import { type Store, withEntry } from '../sync/store.ts';
import type { UserStorage } from './user-storage.ts';

/** Up to which position the messages of each conversation have been before the reader's eyes, on this device. */
export class Seen {
  #store: Store;
  #storage: UserStorage;
  #reading: string | null = null;

  constructor(store: Store, storage: UserStorage) {
    this.#store = store;
    this.#storage = storage;
  }

  /** Takes over what is kept, where that is further: by an earlier client of the user, or by another one at this time. */
  load(): void {
    const before = this.#store.getState().seen;
    const seen = new Map(before);
    let isFurther = false;
    for (const [conversation, value] of this.#storage.entries('seen/')) {
      const position = Number(value);
      if (!Number.isSafeInteger(position) || position <= (before.get(conversation) ?? -1)) continue;
      seen.set(conversation, position);
      isFurther = true;
    }
    if (isFurther) this.#store.update({ seen });
  }

  /** The end of this conversation is in view from now on; null: of none. */
  read(conversation: string | null): void {
    this.#reading = conversation;
    this.update();
  }

  /** Messages have come: those that are in view are seen in the same change of the state, so that nothing flickers. */
  update(): void {
    if (this.#reading === null) return;
    const last = lastShown(this.#store.getState(), this.#reading);
    const { seen } = this.#store.getState();
    if (last === undefined || last <= (seen.get(this.#reading) ?? -1)) return;
    this.#storage.set(`seen/${this.#reading}`, String(last));
    this.#store.update({ seen: withEntry(seen, this.#reading, last) });
  }

  drop(conversation: string): void {
    this.#storage.remove(`seen/${conversation}`);
    this.#store.update({ seen: withEntry(this.#store.getState().seen, conversation, undefined) });
  }
}

function lastShown({ ranges }: State, conversation: string): number | undefined {
  const range = ranges.get(conversation);
  return range?.load === 'ready' ? range.messages.at(-1)?.position : undefined;
}
