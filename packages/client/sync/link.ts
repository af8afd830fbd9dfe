import type { Cursor } from '@starling/contracts/log';
import type { ServerFrame } from '@starling/contracts/socket';
import type { Clock } from '../clock.ts';
import type { UserToken } from '../session/user-token.ts';
import { Socket, type WebSocketConstructor } from './socket.ts';

/** How a link came to its end. */
export interface LinkEnd {
  code: number;
  reason: string;
  /** The server had taken the token. */
  greeted: boolean;
  live: boolean;
  /** So long the server asked to wait when it refused the upgrade, ms, where that could be seen. */
  retryAfter: number | undefined;
}

export interface LinkOptions {
  url: string;
  WebSocket: WebSocketConstructor;
  clock: Clock;
  token: UserToken;
  /** Where to resume from, asked when the server has greeted. */
  cursor(): Cursor;
  /** Every frame, after what the link itself does with it. */
  onFrame(frame: ServerFrame): void;
  /** Called in the turn in which it ends, before `ended` resolves. */
  onEnd(end: LinkEnd): void;
}

/** One socket from its opening to its end, which resumes once it is greeted. */
export class Link {
  readonly socket: Socket;
  readonly ended: Promise<LinkEnd>;
  #greeted = false;
  #live = false;
  #over = false;

  constructor(options: LinkOptions) {
    const { url, WebSocket, clock, token, cursor, onFrame, onEnd } = options;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.ended = promise;
    this.socket = new Socket({
      WebSocket,
      url,
      token: token.token,
      clock,
      onFrame: (frame) => {
        if (frame.type === 'hello') {
          this.#greeted = true;
          this.socket.send({ type: 'resume', cursor: cursor() });
        }
        if (frame.type === 'live') this.#live = true;
        onFrame(frame);
      },
      onClose: (code, reason, retryAfter) => {
        const end = { code, reason, greeted: this.#greeted, live: this.#live, retryAfter };
        this.#over = true;
        onEnd(end);
        resolve(end);
      },
    });
  }

  /** Its replay has ended, and it has not. */
  get live(): boolean {
    return this.#live && !this.#over;
  }

  get over(): boolean {
    return this.#over;
  }
}
