import type { ConversationCreated, ParticipantChanged, Profile, ProfileUpdated } from '@starling/contracts/events';
import type { ConversationSnapshot, Message, SnapshotReply } from '@starling/contracts/http';
import type { Cursor } from '@starling/contracts/log';
import type { EventFrame } from '@starling/contracts/socket';
import { backoff, type Clock } from '../clock.ts';
import type { Api } from '../rest/api.ts';
import { ApiError } from '../rest/errors.ts';
import type { Profiles } from './profiles.ts';
import { Ranges } from './ranges.ts';
import { createdConversation, messageOf, placeConversation, reduceConversation, sortConversations } from './reduce.ts';
import type { Store } from './store.ts';

export interface ReplicaOptions {
  store: Store;
  api: Api;
  profiles: Profiles;
  clock: Clock;
  random: () => number;
  /** Hears of every message that is now held, so that one's own leave the queue in the same change of the state. */
  onMessages(messages: readonly Message[]): void;
  onConversationGone(conversation: string): void;
}

/** How often a conversation that is said not to exist is asked for: the projection may not have it yet. */
const MISSING_TRIES = 10;

/** This client's copy of what its user may see: the list from snapshots, kept by events. */
export class Replica {
  readonly ranges: Ranges;
  #options: ReplicaOptions;
  /** Rev of my own participation, in conversations that I am not in any more: older facts do not bring me back. */
  #departed = new Map<string, number>();
  /** Events of conversations that I was added to and whose snapshot is on its way. */
  #awaited = new Map<string, EventFrame[]>();

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { store, api, onMessages, profiles } = options;
    this.ranges = new Ranges(store, api, (messages) => {
      profiles.want(messages.map(({ author }) => author));
      onMessages(messages);
    });
  }

  reset(): void {
    this.#departed.clear();
    this.#awaited.clear();
    this.ranges.reset();
  }

  /**
   * Loads every page of the list, then replaces the list at once. The first page's cursor is the one to continue
   * from; later pages are newer, and events that they already contain are told by each conversation's `at`. What moved
   * up between two pages, and so is on none, comes to light by its event.
   */
  async loadSnapshot(isCurrent: () => boolean): Promise<Cursor> {
    const { api, store, profiles, onMessages } = this.#options;
    const first = await api.snapshot();
    const found = new Map<string, ConversationSnapshot>();
    let page: SnapshotReply = first;
    for (;;) {
      for (const item of page.conversations) if (!found.has(item.conversation.id)) found.set(item.conversation.id, item);
      if (page.next === null || !isCurrent()) break;
      page = await api.snapshot(page.next);
    }
    if (!isCurrent()) return first.cursor;
    this.#departed.clear();
    this.#awaited.clear();
    const conversations = sortConversations([...found.values()]);
    for (const { conversation } of store.getState().conversations) if (!found.has(conversation.id)) this.#drop(conversation.id);
    store.update({ conversations, loaded: true });
    this.ranges.reload();
    const last = conversations.flatMap(({ lastMessage }) => lastMessage ?? []);
    profiles.want(this.#shownUsers(conversations));
    onMessages(last);
    return first.cursor;
  }

  applyEvent(event: EventFrame): void {
    if (event.topic === 'conversations') this.#applyConversationEvent(event);
    else if (event.topic === 'users' && event.kind === 'profile.updated') {
      this.#options.profiles.put([(event.value as ProfileUpdated).profile as Profile]);
    }
  }

  /** Counts a position that a command answered with: what is loaded from now on must contain it. */
  noteCommand(conversation: string, position: number): void {
    this.ranges.know(conversation, position);
  }

  #applyConversationEvent(event: EventFrame): void {
    const { store } = this.#options;
    const id = event.key;
    const me = store.getState().user;
    const mine = myParticipation(event, me);
    const awaited = this.#awaited.get(id);
    const held = this.#find(id);
    if (mine && mine.rev <= (this.#departed.get(id) ?? 0)) return;
    if (mine && !mine.present) {
      const before = held?.participants.find(({ user }) => user === me);
      if (before && before.rev >= mine.rev) return;
      this.#departed.set(id, mine.rev);
      this.#awaited.delete(id);
      this.#drop(id);
    } else if (held) {
      this.#hold(reduceConversation(held, event), held);
      this.#applyMessage(event);
    } else if (awaited) {
      awaited.push(event);
    } else if (event.kind === 'conversation.created' && mine) {
      this.#hold(createdConversation(event));
    } else if (mine || !this.#departed.has(id)) {
      this.#awaited.set(id, [event]);
      void this.#fetchConversation(id);
    }
  }

  #applyMessage(event: EventFrame): void {
    if (event.kind !== 'message.posted') return;
    this.ranges.append(messageOf(event));
  }

  #find(id: string): ConversationSnapshot | undefined {
    return this.#options.store.getState().conversations.find(({ conversation }) => conversation.id === id);
  }

  #hold(next: ConversationSnapshot, before?: ConversationSnapshot): void {
    if (next === before) return;
    const { store, profiles } = this.#options;
    const { conversations } = store.getState();
    // Nothing but a post moves a conversation in the list.
    const inPlace = before && before.lastAt === next.lastAt && before.lastPosition === next.lastPosition;
    store.update({
      conversations: inPlace ? conversations.map((item) => (item === before ? next : item)) : placeConversation(conversations, next),
    });
    profiles.want(this.#shownUsers([next]));
  }

  #drop(id: string): void {
    const { store, onConversationGone } = this.#options;
    store.update({ conversations: store.getState().conversations.filter(({ conversation }) => conversation.id !== id) });
    this.ranges.drop(id);
    onConversationGone(id);
  }

  /** Asks for a conversation that events speak of, until it comes or an event says that I am not in it any more. */
  async #fetchConversation(id: string): Promise<void> {
    const { api, clock, random, onMessages } = this.#options;
    const events = this.#awaited.get(id);
    const isAwaited = () => events !== undefined && this.#awaited.get(id) === events;
    for (let failures = 0; isAwaited(); failures++) {
      try {
        const snapshot = await api.conversation(id);
        if (!isAwaited()) return;
        this.#awaited.delete(id);
        this.#hold(snapshot);
        for (const event of events!) this.#applyConversationEvent(event);
        if (snapshot.lastMessage) onMessages([snapshot.lastMessage]);
        return;
      } catch (error) {
        const refused = error instanceof ApiError && error.status < 500 && error.status !== 429;
        if (refused && failures + 1 >= MISSING_TRIES && isAwaited()) this.#awaited.delete(id);
        await new Promise<void>((resolve) => clock.after(100 + backoff(failures, random), resolve));
      }
    }
  }

  /** Whose names the list shows. Members of groups are asked for when the group is opened. */
  #shownUsers(conversations: readonly ConversationSnapshot[]): string[] {
    return conversations.flatMap(({ conversation, participants, lastMessage }) => [
      ...(conversation.kind === 'private' || this.ranges.has(conversation.id) ? participants.map(({ user }) => user) : []),
      ...(lastMessage ? [lastMessage.author] : []),
    ]);
  }
}

/** What an event says about the participation of `me`. */
function myParticipation(event: EventFrame, me: string | null): { rev: number; present: boolean } | undefined {
  switch (event.kind) {
    case 'conversation.created':
      return (event.value as ConversationCreated).participants.find(({ user }) => user === me);
    case 'participant.added':
    case 'participant.changed':
    case 'participant.removed': {
      const { participant } = event.value as ParticipantChanged;
      return participant.user === me ? participant : undefined;
    }
    default:
      return undefined;
  }
}
