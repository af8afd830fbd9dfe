import { type ClientFrame, type ServerFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import type { Clock } from '../clock.ts';

/** What is used of a WebSocket: the browser's, Node's and that of `ws` have it. */
export interface SocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: { data?: unknown; code?: number; reason?: string }) => void): void;
  /** Of `ws` alone, which tells how an upgrade was refused; who listens must end the attempt. */
  on?(event: 'unexpected-response', listener: (request: unknown, response: UpgradeAnswer) => void): void;
}

interface UpgradeAnswer {
  headers: Record<string, string | string[] | undefined>;
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => SocketLike;

export interface SocketOptions {
  WebSocket: WebSocketConstructor;
  url: string;
  token: string;
  clock: Clock;
  onFrame(frame: ServerFrame): void;
  /**
   * Called once, whatever ends the connection. Codes of this side: see {@link LOST}. `retryAfter`: so long the server asked
   * to wait when it refused the upgrade, ms; a browser does not show it.
   */
  onClose(code: number, reason: string, retryAfter?: number): void;
}

/** The code given when this side ended the connection because nothing came any more. */
export const LOST = 1006;

const HELLO_TIMEOUT = 10_000;
/** The server says something every 15 s at the latest. */
const SILENCE = 40_000;

/** One connection. It ends itself when the server does not greet within 10 s or is silent for 40 s. */
export class Socket {
  #socket: SocketLike;
  #options: SocketOptions;
  #lastFrameAt: number;
  #greeted = false;
  #ended = false;
  #retryAfter: number | undefined;
  #disarm: () => void;

  constructor(options: SocketOptions) {
    this.#options = options;
    const { WebSocket, url, token, clock } = options;
    this.#lastFrameAt = clock.now();
    this.#socket = new WebSocket(url, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token]);
    this.#disarm = clock.after(HELLO_TIMEOUT, () => this.#watch());
    this.#socket.addEventListener('message', ({ data }) => this.#receive(data));
    this.#socket.addEventListener('close', ({ code, reason }) => this.#end(code ?? LOST, reason ?? ''));
    // The close event that follows tells all that may be known; without a listener `ws` would throw.
    this.#socket.addEventListener('error', () => {});
    this.#socket.on?.('unexpected-response', (_, { headers }) => {
      const seconds = Number(headers['retry-after']);
      this.#retryAfter = seconds > 0 ? seconds * 1000 : undefined;
      this.close(LOST, 'the server refused the upgrade');
    });
  }

  /** Milliseconds since the last frame. */
  get silence(): number {
    return this.#options.clock.now() - this.#lastFrameAt;
  }

  send(frame: ClientFrame): void {
    if (!this.#ended) this.#socket.send(JSON.stringify(frame));
  }

  /** Ends the connection from this side; `onClose` is called before it returns. */
  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#socket.close(1000);
    this.#end(code, reason);
  }

  #receive(data: unknown): void {
    if (this.#ended) return;
    this.#lastFrameAt = this.#options.clock.now();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(String(data)) as ServerFrame;
    } catch {
      this.close(LOST, 'the server sent what is not JSON');
      return;
    }
    if (frame.type === 'hello') this.#greeted = true;
    this.#options.onFrame(frame);
  }

  /** One timer looks at the time of the last frame, instead of one timer a frame. */
  #watch(): void {
    const left = SILENCE - this.silence;
    if (!this.#greeted) this.close(LOST, 'the server did not greet within 10 s');
    else if (left <= 0) this.close(LOST, 'the server was silent for 40 s');
    else this.#disarm = this.#options.clock.after(left, () => this.#watch());
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#disarm();
    this.#options.onClose(code, reason, this.#retryAfter);
  }
}
