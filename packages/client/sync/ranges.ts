import type { HistoryReply, Message } from '@starling/contracts/http';
import type { Api } from '../rest/api.ts';
import { mergeMessages } from './reduce.ts';
import type { MessageRange } from './state.ts';
import { type Store, withEntry } from './store.ts';

const PAGE = 50;
const EMPTY: MessageRange = { messages: [], more: false, load: 'loading', loadingOlder: false, error: null, arrived: [] };

/**
 * The loaded messages of opened conversations. The newest page is asked for with `after` = the newest position known
 * of the conversation, and what arrives live meanwhile is kept aside and joined to it: together they have no hole.
 */
export class Ranges {
  #store: Store;
  #api: Api;
  #onMessages: (messages: readonly Message[]) => void;
  /** The present load of each conversation; the answer to an older one is dropped. */
  #loads = new Map<string, { done: Promise<void> }>();
  /** Newest position known by other ways than the list. */
  #known = new Map<string, number>();

  constructor(store: Store, api: Api, onMessages: (messages: readonly Message[]) => void) {
    this.#store = store;
    this.#api = api;
    this.#onMessages = onMessages;
  }

  has(conversation: string): boolean {
    return this.#store.getState().ranges.has(conversation);
  }

  /** Newest position that is known of a conversation, if any. */
  newestKnown(conversation: string): number | undefined {
    const held = this.#store.getState().conversations.find((item) => item.conversation.id === conversation)?.lastPosition;
    const known = this.#known.get(conversation);
    return held === undefined ? known : Math.max(held, known ?? 0);
  }

  know(conversation: string, position: number): void {
    this.#known.set(conversation, Math.max(position, this.#known.get(conversation) ?? 0));
  }

  /** Loads the newest page unless it is there or on its way. Errors are in the range. */
  async open(conversation: string): Promise<void> {
    const range = this.#store.getState().ranges.get(conversation);
    if (range?.load === 'ready') return;
    if (range?.load === 'loading') return this.#loads.get(conversation)?.done;
    // What arrived while a load failed still continues the stream.
    return this.#loadNewest(conversation, range?.arrived ?? []);
  }

  /** After a new snapshot nothing joins the loaded messages to what will come: each range is loaded anew. */
  reload(): void {
    for (const conversation of this.#store.getState().ranges.keys()) void this.#loadNewest(conversation, []);
  }

  /** After the connection was lost: what could not be loaded then. */
  retryFailed(): void {
    for (const [conversation, { load }] of this.#store.getState().ranges) if (load === 'failed') void this.open(conversation);
  }

  append(message: Message): void {
    const range = this.#store.getState().ranges.get(message.conversation);
    if (range?.load === 'ready') this.#put(message.conversation, { ...range, messages: mergeMessages(range.messages, [message]) });
    else if (range) this.#put(message.conversation, { ...range, arrived: mergeMessages(range.arrived, [message]) });
    // A range that is loading shows it only later; until then it stays among the pending.
    if (range?.load !== 'loading' && range?.load !== 'failed') this.#onMessages([message]);
  }

  async loadOlder(conversation: string): Promise<void> {
    const range = this.#store.getState().ranges.get(conversation);
    const oldest = range?.messages[0];
    if (!range?.more || !oldest || range.load !== 'ready' || range.loadingOlder) return;
    this.#put(conversation, { ...range, loadingOlder: true });
    let page: HistoryReply | undefined;
    let failure: unknown;
    try {
      page = await this.#api.history(conversation, { before: oldest.position, limit: PAGE });
    } catch (error) {
      failure = error;
    }
    const now = this.#store.getState().ranges.get(conversation);
    if (!now?.loadingOlder || now.messages[0] !== oldest) return;
    if (!page) {
      this.#put(conversation, { ...now, loadingOlder: false });
      throw failure;
    }
    const { messages, more } = page;
    this.#put(conversation, {
      ...now,
      messages: mergeMessages(messages, now.messages),
      more: more && messages.length > 0,
      loadingOlder: false,
    });
    this.#onMessages(messages);
  }

  drop(conversation: string): void {
    this.#loads.delete(conversation);
    this.#known.delete(conversation);
    if (this.has(conversation)) this.#store.update({ ranges: withEntry(this.#store.getState().ranges, conversation, undefined) });
  }

  reset(): void {
    this.#loads.clear();
    this.#known.clear();
    this.#store.update({ ranges: new Map() });
  }

  #loadNewest(conversation: string, arrived: readonly Message[]): Promise<void> {
    const { ranges } = this.#store.getState();
    const before = ranges.get(conversation) ?? EMPTY;
    this.#put(conversation, { ...before, load: 'loading', loadingOlder: false, error: null, arrived });
    const load = { done: Promise.resolve() };
    this.#loads.set(conversation, load);
    load.done = this.#finishLoad(conversation, load);
    return load.done;
  }

  async #finishLoad(conversation: string, load: object): Promise<void> {
    const after = this.newestKnown(conversation);
    let page: HistoryReply | undefined;
    let failure: unknown;
    try {
      page = await this.#api.history(conversation, after === undefined ? { limit: PAGE } : { limit: PAGE, after });
    } catch (error) {
      failure = error;
    }
    const range = this.#store.getState().ranges.get(conversation);
    if (this.#loads.get(conversation) !== load || !range) return;
    this.#loads.delete(conversation);
    if (!page) {
      const error = failure instanceof Error ? failure : new Error(String(failure));
      this.#put(conversation, { ...range, load: 'failed', error });
      return;
    }
    const messages = mergeMessages(page.messages, range.arrived);
    this.#put(conversation, { ...EMPTY, messages, more: page.more, load: 'ready' });
    this.#onMessages(messages);
  }

  #put(conversation: string, range: MessageRange): void {
    this.#store.update({ ranges: withEntry(this.#store.getState().ranges, conversation, range) });
  }
}
