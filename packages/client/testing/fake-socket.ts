import type { ServerFrame } from '@starling/contracts/socket';
import type { SocketLike } from '../sync/socket.ts';

type Listener = (event: { data?: unknown; code?: number; reason?: string }) => void;

/** What the server sees of a connection. */
export interface FakeConnection {
  onOpen(socket: FakeSocket): void;
  onFrame(socket: FakeSocket, text: string): void;
  onClose(socket: FakeSocket): void;
}

/** Both ends of a WebSocket in one object: the client has its methods, the server `deliver` and `end`. */
export class FakeSocket implements SocketLike {
  readonly protocols: string[];
  /** Set by the server. */
  user = '';
  session = '';
  resumed = false;
  #onRefused: Parameters<NonNullable<SocketLike['on']>>[1] | undefined;
  #listeners = new Map<string, Listener[]>();
  #server: FakeConnection;
  #closed = false;

  constructor(protocols: string[], server: FakeConnection) {
    this.protocols = protocols;
    this.#server = server;
    queueMicrotask(() => server.onOpen(this));
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(data: string): void {
    queueMicrotask(() => {
      if (!this.#closed) this.#server.onFrame(this, data);
    });
  }

  close(): void {
    this.end(1000);
  }

  /** As that of `ws` has it. */
  on(_event: 'unexpected-response', listener: Parameters<NonNullable<SocketLike['on']>>[1]): void {
    this.#onRefused = listener;
  }

  /** Answers the upgrade with 503; what comes of it is for the client to end. */
  refuse(retryAfter: number): void {
    this.#onRefused?.({}, { headers: { 'retry-after': String(retryAfter) } });
  }

  deliver(frame: ServerFrame): void {
    if (!this.#closed) this.#emit('message', { data: JSON.stringify(frame) });
  }

  end(code: number, reason = ''): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#server.onClose(this);
    this.#emit('close', { code, reason });
  }

  #emit(type: string, event: Parameters<Listener>[0]): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}
