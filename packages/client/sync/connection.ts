import type { Cursor } from '@starling/contracts/log';
import type { ClientFrame, SendFrame, ServerFrame } from '@starling/contracts/socket';
import type { Clock } from '../clock.ts';
import type { Authority } from '../session/authority.ts';
import type { UserToken } from '../session/user-token.ts';
import { HintedMove } from './hinted-move.ts';
import { Link, type LinkEnd } from './link.ts';
import { type Plan, planAfterClose, planAfterError } from './reconnect.ts';
import { advanceCursor } from './reduce.ts';
import { LOST, type WebSocketConstructor } from './socket.ts';
import type { ConnectionStatus, Failure } from './state.ts';

export interface ConnectionOptions {
  url: string;
  authority: Authority;
  WebSocket: WebSocketConstructor;
  clock: Clock;
  random: () => number;
  onStatus(status: ConnectionStatus, failure?: Failure): void;
  /** Whose token it is; called before anything of theirs arrives. Returns false if that is another user than before. */
  onUser(user: string): boolean;
  /** Loads the list anew; resolves to the cursor from which events continue it. */
  loadSnapshot(isCurrent: () => boolean): Promise<Cursor>;
  /** Every frame but those about cursor and token. */
  onFrame(frame: ServerFrame): void;
  onDown(): void;
}

/** The next token is asked for when 60–80 % of the present one's life is over, spread so that clients do not march in step. */
const RENEW_FROM = 0.6;
const RENEW_SPREAD = 0.2;
/** The server says something every 15 s; after that long without a word, a hint is enough to doubt the connection. */
const DOUBTFUL_SILENCE = 17_000;

/** Keeps the client connected from `start` to `stop`: token, snapshot, socket, resume, and again from the cursor. */
export class Connection {
  #options: ConnectionOptions;
  #cursor: Cursor | undefined;
  #link: Link | undefined;
  /** Is to take the place of the link when it is live. */
  #successor: Link | undefined;
  /** Ends the present wait between two attempts. */
  #wake: (() => void) | undefined;
  /** A new object at each start: a loop whose own is not the present one any more ends. */
  #run: object | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#run) return;
    const run = {};
    this.#run = run;
    void this.#keepConnected(run);
  }

  /** Afterwards nothing is called back any more. The next `start` begins with a snapshot. */
  stop(): void {
    this.#run = undefined;
    this.#cursor = undefined;
    this.#link?.socket.close(1000, 'stopped');
    this.#wake?.();
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /** Something hints that the network is back, or has changed: do not wait any longer. */
  nudge(): void {
    this.#wake?.();
    const socket = this.#link?.socket;
    if (socket && socket.silence > DOUBTFUL_SILENCE) socket.close(LOST, 'the connection seems lost');
  }

  /** Hands a post to the server if events are live. */
  send(frame: SendFrame): boolean {
    if (!this.#link?.live) return false;
    this.#link.socket.send(frame);
    return true;
  }

  async #keepConnected(run: object): Promise<void> {
    const { authority, random, onStatus, onUser, loadSnapshot } = this.#options;
    const isCurrent = () => this.#run === run;
    let failures = 0;
    let freshToken = false;
    while (isCurrent()) {
      onStatus('connecting');
      let plan: Plan;
      try {
        const token = await authority.socketToken(freshToken);
        if (!isCurrent()) return;
        if (!onUser(token.user)) this.#cursor = undefined;
        if (!this.#cursor) {
          const cursor = await loadSnapshot(isCurrent);
          if (!isCurrent()) return;
          this.#cursor = cursor;
        }
        const end = await this.#holdLink(token, isCurrent);
        if (!isCurrent()) return;
        if (end.live) failures = 0;
        plan = planAfterClose(end.code, end.reason, failures, random, end.retryAfter);
        // A browser does not tell why an upgrade was refused; it may have been the token.
        if ('delay' in plan && !end.greeted && end.retryAfter === undefined) plan.freshToken = true;
      } catch (error) {
        if (!isCurrent()) return;
        plan = planAfterError(error, failures, random);
      }
      if ('failure' in plan) {
        this.#run = undefined;
        this.#cursor = undefined;
        onStatus('failed', plan.failure);
        return;
      }
      failures++;
      freshToken = plan.freshToken;
      if (plan.resync) this.#cursor = undefined;
      onStatus('waiting');
      await this.#wait(plan.delay);
    }
  }

  /** Resolves when the link has ended, and no successor has taken its place. */
  async #holdLink(token: UserToken, isCurrent: () => boolean): Promise<LinkEnd> {
    this.#link = this.#open(token, isCurrent);
    for (;;) {
      const link: Link = this.#link;
      const end: LinkEnd = await link.ended;
      if (this.#link === link) {
        this.#link = undefined;
        return end;
      }
    }
  }

  /** Opens a socket; what comes over it is taken in, whether it is the link or to become it. */
  #open(token: UserToken, isCurrent: () => boolean): Link {
    const { url, WebSocket, clock, random, onStatus, onFrame, onDown } = this.#options;
    const isLink = () => this.#link === link;
    const move = new HintedMove(clock, random, () => this.#move(link, isCurrent));
    const receive = (frame: ServerFrame): void => {
      switch (frame.type) {
        case 'hello':
          if (isLink()) onStatus('catching-up');
          onFrame(frame);
          return;
        case 'cursor':
          this.#cursor = advanceCursor(this.#cursor, frame.cursor);
          return;
        case 'live':
          if (isLink()) onStatus('live');
          else this.#replaceLink(link);
          onFrame(frame);
          return;
        case 'authenticated':
          return;
        case 'reconnect':
          if (isLink()) move.hint(frame.withinMs);
          return;
        default:
          onFrame(frame);
      }
    };
    const link: Link = new Link({
      url,
      WebSocket,
      clock,
      token,
      cursor: () => this.#cursor!,
      onFrame: (frame) => {
        if (isCurrent()) receive(frame);
      },
      onEnd: (end) => {
        disarmRenewal();
        move.stop();
        if (this.#successor === link) this.#successor = undefined;
        if (!isLink()) return;
        if (end.live) onDown();
        // The loop connects anew; two attempts at a time would only hinder each other.
        this.#successor?.socket.close(1000, 'the socket that it was to follow has ended');
      },
    });
    const disarmRenewal = this.#renewLater(link, token, isCurrent);
    return link;
  }

  /**
   * Opens a socket beside a live one and leaves that when the new one is live: what comes twice meanwhile changes nothing,
   * and nothing is missed. If it does not come to that, the old one stays. Resolves when it is one or the other.
   */
  async #move(link: Link, isCurrent: () => boolean): Promise<void> {
    const isNeeded = () => isCurrent() && this.#link === link && link.live;
    if (!isNeeded()) return;
    const token = await this.#options.authority.socketToken(false).catch(() => undefined);
    if (!token || !isNeeded()) return;
    if (!this.#options.onUser(token.user)) {
      this.#cursor = undefined;
      link.socket.close(LOST, 'another user has logged in');
      return;
    }
    this.#successor = this.#open(token, isCurrent);
    await Promise.race([this.#successor.ended, link.ended]);
  }

  #replaceLink(successor: Link): void {
    const link = this.#link;
    this.#link = successor;
    this.#successor = undefined;
    // The answers to what is in flight would have come over the old one.
    this.#options.onDown();
    link?.socket.close(1000, 'moved');
  }

  /** Shows the server a new token over the open socket before the present one expires, and again before that one does. */
  #renewLater({ socket }: Link, first: UserToken, isCurrent: () => boolean): () => void {
    const { authority, clock, random, onUser } = this.#options;
    let ended = false;
    let disarm: () => void;
    const arm = (token: UserToken): void => {
      const age = (RENEW_FROM + RENEW_SPREAD * random()) * (token.expiresAt - token.receivedAt);
      disarm = clock.after(Math.max(0, token.receivedAt + age - clock.now()), () => void renew(token));
    };
    const renew = async (present: UserToken): Promise<void> => {
      try {
        const token = await authority.socketToken(true);
        if (ended || !isCurrent()) return;
        // Somebody else has logged in in another tab: the socket is theirs no longer. The loop starts over as the other.
        if (!onUser(token.user)) {
          this.#cursor = undefined;
          this.#link?.socket.close(LOST, 'another user has logged in');
          return;
        }
        const frame: ClientFrame = { type: 'authenticate', token: token.token };
        socket.send(frame);
        arm(token);
      } catch {
        // Tried again until the server closes the socket: what comes then is decided there.
        if (!ended) disarm = clock.after(5000 + 5000 * random(), () => void renew(present));
      }
    };
    arm(first);
    return () => {
      ended = true;
      disarm();
    };
  }

  async #wait(delay: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const disarm = this.#options.clock.after(delay, resolve);
    this.#wake = resolve;
    await promise;
    disarm();
    if (this.#wake === resolve) this.#wake = undefined;
  }
}
