import type { UserStorage } from './user-storage.ts';

/** A longer text cannot be sent anyway, and must not fill the storage. */
const LONGEST = 100_000;

/** What was begun and not sent, by conversation. */
export class Drafts {
  #storage: UserStorage;
  #texts = new Map<string, string>();

  constructor(storage: UserStorage) {
    this.#storage = storage;
  }

  get(conversation: string): string {
    return this.#texts.get(conversation) ?? this.#storage.get(`draft/${conversation}`) ?? '';
  }

  set(conversation: string, text: string): void {
    this.#texts.set(conversation, text);
    const isKept = text !== '' && text.length <= LONGEST && this.#storage.set(`draft/${conversation}`, text);
    if (!isKept) this.#storage.remove(`draft/${conversation}`);
  }

  /** Forgets them here; what is kept stays. */
  reset(): void {
    this.#texts.clear();
  }
}
