import type { Duplex } from 'node:stream';
import type { CursorTopic, Offsets } from '@starling/contracts/log';
import { CLOSE_CODES, type CloseName, type ServerFrame } from '@starling/contracts/socket';
import type { UserIdentity } from '@starling/platform/tokens';
import type { WebSocket } from 'ws';
import { encodeTextFrame } from './text-frame.ts';

/** How long a peer may take to answer a close before its socket is destroyed, ms. */
const CLOSE_WAIT_MS = 2_000;
/** How long a replay waits for a peer that takes nothing in, ms. */
const DRAIN_MS = 30_000;

/**
 * One socket: collects frames and writes them together, once per flush, since a write costs the same whatever it
 * holds. A socket that takes in less than it is sent is closed when too much waits for it.
 */
export class Connection {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #maxBytes: number;
  readonly #requestFlush: (connection: Connection) => void;
  readonly #onDrop: (name: CloseName) => void;
  #frames: Buffer[] = [];
  #bytes = 0;
  #closing = false;
  identity: UserIdentity;
  /**
   * The first offsets that reach this socket live; what is before them was replayed. Undefined once nothing
   * before them can come any more.
   */
  liveFrom: Record<CursorTopic, Offsets> | undefined;
  /** Its replay has ended. */
  live = false;
  /** Something was sent since the last cursor. */
  cursorDue = false;
  cursorAt = 0;

  constructor(options: {
    socket: WebSocket;
    stream: Duplex;
    identity: UserIdentity;
    maxBytes: number;
    requestFlush(connection: Connection): void;
    /** Hears of it when this side ends the socket. */
    onDrop(name: CloseName): void;
  }) {
    this.#socket = options.socket;
    this.#stream = options.stream;
    this.identity = options.identity;
    this.#maxBytes = options.maxBytes;
    this.#requestFlush = options.requestFlush;
    this.#onDrop = options.onDrop;
  }

  get closed(): boolean {
    return this.#closing;
  }

  /** Bytes that the peer has not taken yet. */
  get waitingBytes(): number {
    return this.#bytes + this.#stream.writableLength;
  }

  /** Puts a finished frame behind those that wait. */
  push(frame: Buffer): void {
    if (this.#closing) return;
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#frames.length === 1) this.#requestFlush(this);
  }

  send(frame: ServerFrame): void {
    this.push(encodeTextFrame(JSON.stringify(frame)));
  }

  /** Writes what waits. @param join makes one buffer of the frames; it may give the same one to many connections. */
  flush(join: (frames: Buffer[]) => Buffer): void {
    if (this.#closing || this.#frames.length === 0) return;
    // Only what the peer was offered and has not taken says that it is slow: much may come in one turn.
    if (this.#stream.writableLength > this.#maxBytes) this.close('slow');
    else this.#write(join);
  }

  /** Resolves when less than half of the socket's allowance waits, or the socket is closed: at the latest after 30 s. */
  async drained(): Promise<void> {
    const patience = setTimeout(() => this.close('slow'), DRAIN_MS);
    await this.#drain();
    clearTimeout(patience);
  }

  async #drain(): Promise<void> {
    while (!this.#closing && this.waitingBytes > this.#maxBytes / 2) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#stream.off('drain', done);
          this.#stream.off('close', done);
          resolve();
        };
        this.#stream.on('drain', done);
        this.#stream.on('close', done);
      });
    }
  }

  /** Closes with a code of the catalogue, behind the frames that were pushed before. */
  close(name: CloseName): void {
    if (this.#closing) return;
    if (name !== 'slow') this.#write(Buffer.concat);
    this.#closing = true;
    this.#frames = [];
    this.#bytes = 0;
    const { code, reason } = CLOSE_CODES[name];
    this.#onDrop(name);
    this.#socket.close(code, reason);
    setTimeout(() => this.#socket.terminate(), CLOSE_WAIT_MS).unref();
  }

  /** The peer is gone. */
  markClosed(): void {
    this.#closing = true;
    this.#frames = [];
    this.#bytes = 0;
  }

  #write(join: (frames: Buffer[]) => Buffer): void {
    const [first] = this.#frames;
    if (!first || this.#stream.destroyed) return;
    this.#stream.write(this.#frames.length === 1 ? first : join(this.#frames));
    this.#frames = [];
    this.#bytes = 0;
  }
}
