import type {
  CodeReply,
  ConfirmCodeRequest,
  PasskeyLogInRequest,
  SecondFactorRequest,
  SessionReply,
  SignUpRequest,
} from '@starling/contracts/http';
import type { ServerFrame } from '@starling/contracts/socket';
import { type Clock, systemClock } from './clock.ts';
import { type AccountApi, createAccountApi } from './rest/account-api.ts';
import { type Api, createApi } from './rest/api.ts';
import { createEntryApi, type EntryApi } from './rest/entry-api.ts';
import { createRequest } from './rest/request.ts';
import { KeptSends } from './send-queue/kept-sends.ts';
import { type Outcome, SendQueue } from './send-queue/send-queue.ts';
import { type Auth, authorise, createAuthority } from './session/authority.ts';
import type { LogInCredentials, LogInResult } from './session/log-in.ts';
import { failureOfEnd, type SessionEnd } from './session/session-end.ts';
import { Drafts } from './storage/drafts.ts';
import { Seen } from './storage/seen.ts';
import { type ClientStorage, UserStorage } from './storage/user-storage.ts';
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
  /** Where posts that are not settled, drafts and what was seen outlive the client. Without it they end with it. */
  storage?: ClientStorage;
}

/** The calls, and a state that follows the server. */
export interface Client extends Api, EntryApi {
  /** Begins a registration. It ends with `confirmSignUp`, with the code that is on its way to the address. */
  signUp(account: SignUpRequest): Promise<CodeReply>;
  /** Makes the account and logs in. */
  confirmSignUp(confirm: ConfirmCodeRequest): Promise<SessionReply>;
  /**
   * Logs in, or says what else the account wants: `completeLogIn` goes on. With `auth` of kind `password` the second
   * factor's code goes along as `code`, and without one that is needed this throws `second-factor-required`.
   */
  logIn(credentials: LogInCredentials): Promise<LogInResult>;
  /** In a page only. */
  completeLogIn(secondFactor: SecondFactorRequest): Promise<SessionReply>;
  /** In a page only; after `beginPasskeyLogIn`. */
  passkeyLogIn(passkey: PasskeyLogInRequest): Promise<SessionReply>;
  /** Connects the sign-on that waits (`waitingLink`) with the account that has its address, and logs in. In a page only. */
  linkSignOn(password: string): Promise<LogInResult>;
  /** The user's own account. */
  account: AccountApi;
  /** Ends the session and stops; the state is empty afterwards, and the user's posts and drafts are kept no longer. */
  logOut(): Promise<void>;
  /** Stops as if the server had said that the session has ended: for what other tabs tell. */
  endSession(end: SessionEnd): void;
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
  /** How many posts of the user are on their way, those kept by other clients on the same storage included. */
  countUnsent(): number;

  /** The text that was begun in a conversation; empty if none was. */
  getDraft(conversation: string): string;
  setDraft(conversation: string, text: string): void;
  /** The end of this conversation is in view, so that what comes there is seen at once; null: of none. */
  setReading(conversation: string | null): void;
  /** Loads profiles into the state, unless they are there. */
  wantProfiles(users: Iterable<string>): void;
}

export function createClient(options: ClientOptions): Client {
  const { auth, clock = systemClock, random = Math.random, WebSocket = globalThis.WebSocket } = options;
  const { fetch = (input, init) => globalThis.fetch(input, init) } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const request = createRequest({ baseUrl, fetch, clock, random, credentials: auth.kind === 'cookie' ? 'same-origin' : 'omit' });
  const authority = createAuthority(auth, request, clock, endSession);
  const store = new Store();
  const storage = new UserStorage(options.storage);
  const drafts = new Drafts(storage);
  const seen = new Seen(store, storage);
  options.storage?.onChange?.(() => seen.load());
  const authorised = authorise(request, authority);
  const api = createApi(authorised, (conversation, position) => replica.noteCommand(conversation, position));
  const profiles = new Profiles(store, api.cards, clock, random);
  /** How far the server's clock is ahead of ours, ms. */
  let clockOffset = 0;

  const queue = new SendQueue({
    store,
    kept: new KeptSends(storage),
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
    onMessages(messages) {
      queue.seen(messages, store.getState().user);
      seen.update();
    },
    onConversationGone(conversation) {
      queue.forget(conversation);
      seen.drop(conversation);
    },
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
      storage.open(user);
      store.update({ user });
      seen.load();
      queue.restore();
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
    drafts.reset();
    storage.close();
    const { connection: status, failure } = store.getState();
    store.update({ ...INITIAL_STATE, connection: status, failure });
  }

  function stop(): void {
    connection.stop();
    store.update({ connection: 'stopped', failure: null });
  }

  /** What is held stays: it is the user's, and goes on where it was when they log in again. */
  function endSession(end: SessionEnd): void {
    connection.stop();
    store.update({ connection: 'failed', failure: failureOfEnd(end) });
  }

  /** Whatever is held of somebody else must not be shown or sent as this user's, not for a moment. */
  function become(user: string): void {
    const { user: before } = store.getState();
    if (before === null || before === user) return;
    const { isRunning } = connection;
    connection.stop();
    reset();
    if (isRunning) connection.start();
  }

  async function begin<T extends LogInResult>(session: Promise<T>): Promise<T> {
    const reply = await session;
    if ('user' in reply) become(reply.user);
    return reply;
  }

  return {
    ...api,
    ...createEntryApi(request),
    account: createAccountApi(authorised, (credentials) => authority.credentialsChanged(credentials)),
    async updateMe(change) {
      const profile = await api.updateMe(change);
      profiles.put([profile]);
      return profile;
    },
    signUp: (account) => authority.signUp(account),
    confirmSignUp: (confirm) => begin(authority.confirmSignUp(confirm)),
    logIn: (credentials) => begin(authority.logIn(credentials)),
    completeLogIn: (secondFactor) => begin(authority.completeLogIn(secondFactor)),
    passkeyLogIn: (passkey) => begin(authority.passkeyLogIn(passkey)),
    linkSignOn: (password) => begin(authority.linkSignOn(password)),
    async currentUser() {
      const user = await authority.currentUser();
      if (user !== null) become(user);
      return user;
    },
    async logOut() {
      await authority.logOut();
      stop();
      storage.clear('send/');
      storage.clear('draft/');
      reset();
    },
    endSession,
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
    countUnsent: () => queue.countUnsent(),
    getDraft: (conversation) => drafts.get(conversation),
    setDraft: (conversation, text) => drafts.set(conversation, text),
    setReading: (conversation) => seen.read(conversation),
    wantProfiles: (users) => profiles.want(users),
  };
}
