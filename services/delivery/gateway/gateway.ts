import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Cursor, TOPICS } from '@starling/contracts/log';
import { renderProblem } from '@starling/contracts/problems';
import { CLOSE_CODES, type CloseName, FRAME_BYTES, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import type { Clock } from '@starling/platform/clock';
import { endWithProblem } from '@starling/platform/http';
import { type Gate, LEEWAY_SECONDS, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { Connection } from './connection.ts';
import { Flusher } from './flusher.ts';
import { type SessionContext, SocketSession } from './socket-session.ts';
import { encodeTextFrame } from './text-frame.ts';

export interface GatewayOptions extends SessionContext {
  clock: Clock;
  socketBytes: number;
}

const TICK_MS = 1_000;
/** Tabs and devices of one user on one pod. */
const SOCKETS_PER_USER = 50;
/** A socket to which nothing is sent gets a cursor so often, ms: it keeps the cursor in the ring, and the client sure of the socket. */
const IDLE_CURSOR_MS = 15_000;

/** The WebSocket side of a pod: who is connected, what they send, and when they are closed. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: WebSocketServer;
  readonly #flusher = new Flusher();
  readonly #connections = new Set<Connection>();
  readonly #perUser = new Map<string, number>();
  #ticking: NodeJS.Timeout | undefined;
  #accepting = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: FRAME_BYTES,
      perMessageDeflate: false,
      clientTracking: false,
      // The token beside it is never echoed.
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  start(): void {
    this.#accepting = true;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    this.#accepting = false;
    clearInterval(this.#ticking);
    this.closeAll('restarting');
  }

  closeAll(name: CloseName): void {
    for (const connection of this.#connections) connection.close(name);
  }

  /** Takes over an HTTP upgrade of /v1/socket. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    const token = offered.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))?.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    const { origin } = request.headers;
    if (!offered.includes(SUBPROTOCOL))
      endWithProblem(stream, renderProblem('invalid-request', { detail: `offer the subprotocol ${SUBPROTOCOL}` }));
    else if (!this.#accepting) endWithProblem(stream, renderProblem('unavailable', { detail: 'this server is starting or stopping' }));
    else this.#server.handleUpgrade(request, stream, head, (socket) => void this.#take(socket, stream, token ?? '', origin));
  }

  async #take(socket: WebSocket, stream: Duplex, token: string, origin: string | undefined): Promise<void> {
    try {
      await this.#accept(socket, stream, token, origin);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a socket could not be accepted');
      const { code, reason } = CLOSE_CODES.internal;
      socket.close(code, reason);
    }
  }

  async #accept(socket: WebSocket, stream: Duplex, token: string, origin: string | undefined): Promise<void> {
    // Frames may come before the token has been checked: they wait.
    const early: [RawData, boolean][] = [];
    let receive = (data: RawData, binary: boolean): void => {
      early.push([data, binary]);
    };
    socket.on('message', (data, binary) => receive(data, binary));
    socket.on('error', () => {});
    const { gate, socketBytes, clock } = this.#options;
    const checked = await this.#identify(gate, token, origin);
    const identity = typeof checked === 'string' ? undefined : checked;
    const connection = new Connection({
      socket,
      stream,
      identity: identity ?? NOBODY,
      maxBytes: socketBytes,
      requestFlush: this.#flusher.request,
    });
    if (!identity) return connection.close(checked as CloseName);
    if (socket.readyState !== socket.OPEN) return;
    if (!this.#accepting) return connection.close('restarting');
    if (this.#options.tails.halted !== undefined) return connection.close('unavailable');
    if (!this.#options.tails.isCurrent()) return connection.close('behind');
    if (!this.#admit(identity.user)) return connection.close('too-many');
    this.#connections.add(connection);
    const session = new SocketSession(connection, this.#options);
    socket.once('close', () => {
      connection.markClosed();
      this.#connections.delete(connection);
      this.#leave(identity.user);
      session.end();
    });
    connection.send({ type: 'hello', time: clock.now() });
    receive = (data, binary) => session.receive(data, binary);
    for (const [data, binary] of early) session.receive(data, binary);
  }

  /** Counts a user's sockets; false when there are enough. */
  #admit(user: string): boolean {
    const count = this.#perUser.get(user) ?? 0;
    if (count >= SOCKETS_PER_USER) return false;
    this.#perUser.set(user, count + 1);
    return true;
  }

  #leave(user: string): void {
    const count = this.#perUser.get(user) ?? 0;
    if (count > 1) this.#perUser.set(user, count - 1);
    else this.#perUser.delete(user);
  }

  /** With an origin in the token: exactly that Origin; without: none, as from clients that are no browsers. */
  async #identify(gate: Gate, token: string, origin: string | undefined): Promise<UserIdentity | CloseName> {
    try {
      const identity = await gate.verifyUserToken(token);
      if (!identity.scope.split(' ').includes('socket')) return 'unauthenticated';
      return identity.origin === origin ? identity : 'wrong-origin';
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      this.#options.logger.info({ reason: error.message }, 'a socket was refused');
      return 'unauthenticated';
    }
  }

  #tick(): void {
    const { tails, clock } = this.#options;
    const now = clock.now();
    const settled = tails.cursor((partition) => partition.settled.offset);
    const shared = encodeTextFrame(JSON.stringify({ type: 'cursor', cursor: settled }));
    for (const connection of this.#connections) {
      if (now >= connection.identity.expiresAt + LEEWAY_SECONDS * 1000) {
        connection.close('expired');
        continue;
      }
      if (!connection.live || (!connection.cursorDue && now - connection.cursorAt < IDLE_CURSOR_MS)) continue;
      connection.cursorDue = false;
      connection.cursorAt = now;
      const { liveFrom } = connection;
      if (!liveFrom) connection.push(shared);
      else connection.send({ type: 'cursor', cursor: behindReplay(connection, liveFrom, settled) });
    }
  }
}

/** What a socket that became live at `liveFrom` has been sent: its replay, and since then what has settled. */
function behindReplay(connection: Connection, liveFrom: NonNullable<Connection['liveFrom']>, settled: Cursor): Cursor {
  if (TOPICS.every((topic) => settled[topic].every((offset, index) => offset >= (liveFrom[topic][index] ?? 0)))) {
    connection.liveFrom = undefined;
    return settled;
  }
  const later = (topic: (typeof TOPICS)[number]) => settled[topic].map((offset, index) => Math.max(offset, liveFrom[topic][index] ?? 0));
  return { epoch: settled.epoch, conversations: later('conversations'), receipts: later('receipts'), users: later('users') };
}

const NOBODY: UserIdentity = { user: '', session: '', token: '', scope: '', origin: undefined, expiresAt: 0 };
