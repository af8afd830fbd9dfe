import type { Cursor } from '@starling/contracts/log';
import type { ClientFrame, SendFrame, ServerFrame } from '@starling/contracts/socket';
import type { Clock } from '../clock.ts';
import type { Authority } from '../session/authority.ts';
import type { UserToken } from '../session/user-token.ts';
import { type Plan, planAfterClose, planAfterError } from './reconnect.ts';
import { advanceCursor } from './reduce.ts';
import { LOST, Socket, type WebSocketConstructor } from './socket.ts';
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
  #socket: Socket | undefined;
  #live = false;
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
    this.#socket?.close(1000, 'stopped');
    this.#wake?.();
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /** Something hints that the network is back, or has changed: do not wait any longer. */
  nudge(): void {
    this.#wake?.();
    if (this.#socket && this.#socket.silence > DOUBTFUL_SILENCE) this.#socket.close(LOST, 'the connection seems lost');
  }

  /** Hands a post to the server if events are live. */
  send(frame: SendFrame): boolean {
    if (!this.#live || !this.#socket) return false;
    this.#socket.send(frame);
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
        const end = await this.#holdSocket(token, isCurrent);
        if (!isCurrent()) return;
        if (end.live) failures = 0;
        plan = planAfterClose(end.code, end.reason, failures, random);
        // A browser does not tell why an upgrade was refused; it may have been the token.
        if ('delay' in plan && !end.greeted) plan.freshToken = true;
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

  /** Resolves when the socket has ended. */
  async #holdSocket(
    token: UserToken,
    isCurrent: () => boolean,
  ): Promise<{ code: number; reason: string; greeted: boolean; live: boolean }> {
    const { url, WebSocket, clock, onStatus, onFrame, onDown } = this.#options;
    let greeted = false;
    let live = false;
    const disarmRenewal = this.#renewLater(token, isCurrent);
    const end = await new Promise<{ code: number; reason: string }>((resolve) => {
      const receive = (frame: ServerFrame): void => {
        switch (frame.type) {
          case 'hello':
            greeted = true;
            onStatus('catching-up');
            onFrame(frame);
            socket.send({ type: 'resume', cursor: this.#cursor! });
            return;
          case 'cursor':
            this.#cursor = advanceCursor(this.#cursor, frame.cursor);
            return;
          case 'live':
            live = true;
            this.#live = true;
            onStatus('live');
            onFrame(frame);
            return;
          case 'authenticated':
            return;
          default:
            onFrame(frame);
        }
      };
      const socket = new Socket({
        WebSocket,
        url,
        token: token.token,
        clock,
        onFrame: (frame) => {
          if (isCurrent()) receive(frame);
        },
        onClose: (code, reason) => {
          this.#socket = undefined;
          this.#live = false;
          disarmRenewal();
          if (live) onDown();
          resolve({ code, reason });
        },
      });
      this.#socket = socket;
    });
    return { ...end, greeted, live };
  }

  /** Shows the server a new token over the open socket before the present one expires, and again before that one does. */
  #renewLater(first: UserToken, isCurrent: () => boolean): () => void {
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
          this.#socket?.close(LOST, 'another user has logged in');
          return;
        }
        const frame: ClientFrame = { type: 'authenticate', token: token.token };
        this.#socket?.send(frame);
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
