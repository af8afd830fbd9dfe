import type { LogInRequest, SessionReply, SignUpRequest } from '@starling/contracts/http';
import type { ServerFrame } from '@starling/contracts/socket';
import { type Clock, systemClock } from './clock.ts';
import { type Api, createApi } from './rest/api.ts';
import { createRequest } from './rest/request.ts';
import { type Outcome, SendQueue } from './send-queue/send-queue.ts';
import { type Auth, authorise, createAuthority } from './session/authority.ts';
import { Connection } from './sync/connection.ts';
import { Profiles } from './sync/profiles.ts';
import { Replica } from './sync/replica.ts';
import type { WebSocketConstructor } from './sync/socket.ts';
import { INITIAL_STATE, type State } from './sync/state.ts';
import { Store } from './sync/store.ts';

export interface ClientOptions {
  /** Where the server is, without a path: `https://chat.example.org`. */
  baseUrl: string;
  auth: Auth;
  fetch?: typeof fetch;
  WebSocket?: WebSocketConstructor;
  clock?: Clock;
  /** A number in [0, 1), for jitter. */
  random?: () => number;
}

/** The calls, and a state that follows the server. */
export interface Client extends Api {
  signUp(account: SignUpRequest): Promise<SessionReply>;
  logIn(credentials: LogInRequest): Promise<SessionReply>;
  /** Ends the session and stops; the state is empty afterwards. */
  logOut(): Promise<void>;
  /** The id of the user who is logged in, or null. */
  currentUser(): Promise<string | null>;

  getState(): State;
  /** Calls `listener` after changes of the state, at most once a microtask; returns the function that ends this. */
  subscribe(listener: () => void): () => void;

  /** Connects and stays connected, whatever happens to the network, until `stop`. */
  start(): void;
  stop(): void;
  /** Call it when the network is back: a waiting client tries at once. */
  nudge(): void;

  /** Loads the newest messages into the state's `ranges`, unless they are there. Errors are in the range. */
  openConversation(conversation: string): Promise<void>;
  /** Adds a page of older messages in front. Does nothing when there are none or they are on their way. */
  loadOlder(conversation: string): Promise<void>;

  /**
   * Posts a message; posts of one conversation keep their order. It is in the state's `sends` until its place among
   * the messages is known. `outcome` never rejects, and waits as long as it is not known whether the message was stored.
   * Throws a RangeError, with a sentence for the author, if the body is blank, too long or not well-formed.
   */
  send(conversation: string, body: string): { client: string; outcome: Promise<Outcome> };
  /** Removes a refused post from the state. Any other stays: it may have been stored. */
  discard(conversation: string, client: string): void;
  /** Loads profiles into the state, unless they are there. */
  wantProfiles(users: Iterable<string>): void;
}

export function createClient(options: ClientOptions): Client {
  const { auth, clock = systemClock, random = Math.random, WebSocket = globalThis.WebSocket } = options;
  const { fetch = (input, init) => globalThis.fetch(input, init) } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const request = createRequest({ baseUrl, fetch, clock, random, credentials: auth.kind === 'cookie' ? 'same-origin' : 'omit' });
  const authority = createAuthority(auth, request, clock);
  const store = new Store();
  const api = createApi(authorise(request, authority), (conversation, position) => replica.noteCommand(conversation, position));
  const profiles = new Profiles(store, api.cards, clock, random);
  /** How far the server's clock is ahead of ours, ms. */
  let clockOffset = 0;

  const queue = new SendQueue({
    store,
    clock,
    random,
    transmit: (frame) => connection.send(frame),
    serverTime: () => clock.now() + clockOffset,
    newestKnown: (conversation) => replica.ranges.newestKnown(conversation),
  });
  const replica = new Replica({
    store,
    api,
    profiles,
    clock,
    random,
    onMessages: (messages) => queue.seen(messages, store.getState().user),
    onConversationGone: (conversation) => queue.forget(conversation),
  });
  const connection = new Connection({
    url: `${baseUrl.replace(/^http/, 'ws')}/v1/socket`,
    authority,
    WebSocket,
    clock,
    random,
    onStatus: (status, failure) => store.update({ connection: status, failure: failure ?? null }),
    onUser(user) {
      const { user: before } = store.getState();
      if (before === user) return true;
      if (before !== null) reset();
      store.update({ user });
      profiles.want([user]);
      return before === null;
    },
    loadSnapshot: (isCurrent) => replica.loadSnapshot(isCurrent),
    onFrame: receive,
    onDown: () => queue.down(),
  });

  function receive(frame: ServerFrame): void {
    switch (frame.type) {
      case 'hello':
        clockOffset = frame.time - clock.now();
        return;
      case 'event':
        replica.applyEvent(frame);
        return;
      case 'live':
        replica.ranges.retryFailed();
        queue.up();
        return;
      case 'ack':
        queue.acknowledged(frame.conversation, frame.client, frame.position, frame.at);
        return;
      case 'nack':
        queue.refused(frame.conversation, frame.client, frame.problem);
        return;
      case 'unknown':
        queue.unknown(frame.conversation, frame.client);
        return;
      default:
        return;
    }
  }

  /** Forgets all that belongs to a user. */
  function reset(): void {
    queue.reset();
    replica.reset();
    profiles.reset();
    const { connection: status, failure } = store.getState();
    store.update({ ...INITIAL_STATE, connection: status, failure });
  }

  function stop(): void {
    connection.stop();
    store.update({ connection: 'stopped', failure: null });
  }

  return {
    ...api,
    async updateMe(change) {
      const profile = await api.updateMe(change);
      profiles.put([profile]);
      return profile;
    },
    signUp: authority.signUp,
    logIn: authority.logIn,
    currentUser: authority.currentUser,
    async logOut() {
      await authority.logOut();
      stop();
      reset();
    },
    getState: store.getState,
    subscribe: store.subscribe,
    start: () => connection.start(),
    stop,
    nudge: () => connection.nudge(),
    async openConversation(conversation) {
      const held = store.getState().conversations.find((item) => item.conversation.id === conversation);
      if (held) profiles.want(held.participants.map(({ user }) => user));
      await replica.ranges.open(conversation);
    },
    loadOlder: (conversation) => replica.ranges.loadOlder(conversation),
    send: (conversation, body) => queue.send(conversation, body),
    discard: (conversation, client) => queue.discard(conversation, client),
    wantProfiles: (users) => profiles.want(users),
  };
}
