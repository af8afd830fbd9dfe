import type { Problem } from '@starling/contracts/problems';
import type { UserStorage } from '../storage/user-storage.ts';

/** What of a post outlives the process. */
export interface KeptSend {
  conversation: string;
  client: string;
  body: string;
  at: number;
  /** Its place in the order of writing: the time of writing, but greater than that of the one before. */
  order: number;
  /** Why it was refused, if it was. */
  problem: Problem | null;
}

/** Browsers give a site about 5 million characters. */
const MOST_CHARACTERS = 1_000_000;
const MOST = 500;

/**
 * Posts in the storage, each under a key of its own, so that clients of one user that share the storage do not overwrite
 * one another's. At most 500 of together a million characters are kept.
 */
export class KeptSends {
  #storage: UserStorage;
  #sizes = new Map<string, number>();
  #characters = 0;

  constructor(storage: UserStorage) {
    this.#storage = storage;
  }

  /** Returns whether it is kept. */
  put({ conversation, client, body, at, order, problem }: KeptSend): boolean {
    const value = JSON.stringify({ body, at, order, problem });
    this.#forgetSize(client);
    const fits = this.#sizes.size < MOST && this.#characters + value.length <= MOST_CHARACTERS;
    if (!fits || !this.#storage.set(nameOf(conversation, client), value)) {
      this.#storage.remove(nameOf(conversation, client));
      return false;
    }
    this.#noteSize(client, value.length);
    return true;
  }

  remove({ conversation, client }: Pick<KeptSend, 'conversation' | 'client'>): void {
    this.#forgetSize(client);
    this.#storage.remove(nameOf(conversation, client));
  }

  /** All that is kept, also by other clients of the user, in the order of writing. */
  load(): KeptSend[] {
    const found: KeptSend[] = [];
    for (const [rest, value] of this.#storage.entries('send/')) {
      const send = readSend(rest, value);
      if (send) found.push(send);
      else this.#storage.remove(`send/${rest}`);
    }
    return found.sort((a, b) => a.order - b.order);
  }

  /** Takes over everything that is kept. */
  adopt(): KeptSend[] {
    const found = this.load();
    for (const { client, body } of found) {
      this.#forgetSize(client);
      this.#noteSize(client, body.length);
    }
    return found;
  }

  /** Forgets what this client has kept; it stays kept. */
  reset(): void {
    this.#sizes.clear();
    this.#characters = 0;
  }

  #noteSize(client: string, size: number): void {
    this.#sizes.set(client, size);
    this.#characters += size;
  }

  #forgetSize(client: string): void {
    this.#characters -= this.#sizes.get(client) ?? 0;
    this.#sizes.delete(client);
  }
}

function nameOf(conversation: string, client: string): string {
  return `send/${conversation}/${client}`;
}

/** Undefined for what is not one: another version, or somebody's hand, may have written it. */
function readSend(rest: string, value: string): KeptSend | undefined {
  const [conversation, client] = rest.split('/');
  try {
    const { body, at, order, problem } = JSON.parse(value) as KeptSend;
    if (!conversation || !client || typeof body !== 'string' || typeof at !== 'number' || typeof order !== 'number') return undefined;
    return { conversation, client, body, at, order, problem: problem ?? null };
  } catch {
    return undefined;
  }
}
