import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Cursor, TOPICS } from '@starling/contracts/log';
import { hasRight } from '@starling/contracts/permissions';
import { renderProblem } from '@starling/contracts/problems';
import { type CloseName, FRAME_BYTES, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import type { Clock } from '@starling/platform/clock';
import { endWithProblem } from '@starling/platform/http';
import { LEEWAY_SECONDS, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import { type WebSocket, WebSocketServer } from 'ws';
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
  readonly #byUser = new Map<string, Set<Connection>>();
  #unfollow: (() => void)[] = [];
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
    const { gate } = this.#options;
    this.#unfollow = [gate.onRevoked((revoked) => this.#closeRevoked(revoked)), gate.onKeysChanged(() => this.#verifyAll())];
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    this.#accepting = false;
    clearInterval(this.#ticking);
    for (const unfollow of this.#unfollow) unfollow();
    this.closeAll('restarting');
  }

  closeAll(name: CloseName): void {
    for (const connection of this.#connections) connection.close(name);
  }

  /**
   * Takes over an HTTP upgrade of /v1/socket. What a page of another site could cause is answered before there is a
   * socket; what a client must tell apart to go on (its token, too many sockets) by a close code, since a browser shows
   * a page no other answer to an upgrade.
   */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    const token = offered.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))?.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    if (!offered.includes(SUBPROTOCOL))
      endWithProblem(stream, renderProblem('invalid-request', { detail: `offer the subprotocol ${SUBPROTOCOL}` }));
    else if (!this.#accepting) endWithProblem(stream, renderProblem('unavailable', { detail: 'this server is starting or stopping' }));
    else void this.#identifyAndUpgrade(request, stream, head, token ?? '');
  }

  async #identifyAndUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, token: string): Promise<void> {
    try {
      const identity = await this.#identify(token);
      // With an origin in the token: exactly that Origin; without: none, as from clients that are no browsers.
      if (identity && identity.origin !== request.headers.origin) return endWithProblem(stream, renderProblem('not-same-origin'));
      this.#server.handleUpgrade(request, stream, head, (socket) => this.#accept(socket, stream, identity));
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a socket could not be accepted');
      endWithProblem(stream, renderProblem('internal'));
    }
  }

  #accept(socket: WebSocket, stream: Duplex, identity: UserIdentity | undefined): void {
    socket.on('error', () => {});
    const connection = new Connection({
      socket,
      stream,
      identity: identity ?? NOBODY,
      maxBytes: this.#options.socketBytes,
      requestFlush: this.#flusher.request,
    });
    const refusal = this.#refusalOf(identity, connection);
    if (!identity || refusal) {
      connection.close(refusal ?? 'unauthenticated');
      return;
    }
    this.#connections.add(connection);
    const session = new SocketSession(connection, this.#options);
    socket.once('close', () => {
      connection.markClosed();
      this.#connections.delete(connection);
      this.#leave(identity.user, connection);
      session.end();
    });
    socket.on('message', (data, binary) => session.receive(data, binary));
    connection.send({ type: 'hello', time: this.#options.clock.now() });
  }

  #refusalOf(identity: UserIdentity | undefined, connection: Connection): CloseName | undefined {
    const { tails } = this.#options;
    if (!identity) return 'unauthenticated';
    if (!this.#accepting) return 'restarting';
    if (tails.halted !== undefined) return 'unavailable';
    if (!tails.isCurrent()) return 'behind';
    return this.#admit(identity.user, connection) ? undefined : 'too-many';
  }

  /** Takes a user's socket in; false when there are enough. */
  #admit(user: string, connection: Connection): boolean {
    const held = this.#byUser.get(user);
    if (held && held.size >= SOCKETS_PER_USER) return false;
    if (held) held.add(connection);
    else this.#byUser.set(user, new Set([connection]));
    return true;
  }

  #leave(user: string, connection: Connection): void {
    const held = this.#byUser.get(user);
    held?.delete(connection);
    if (held?.size === 0) this.#byUser.delete(user);
  }

  /** The session, or without one every session of the user, has ended. */
  #closeRevoked({ user, session }: { user: string; session?: string | undefined }): void {
    for (const connection of this.#byUser.get(user) ?? [])
      if (session === undefined || connection.identity.session === session) connection.close('unauthenticated');
  }

  /** A key was dropped, maybe: whoever came in by a token of it, a thief for one, is put out. */
  #verifyAll(): void {
    for (const connection of this.#connections) {
      const { token } = connection.identity;
      this.#options.gate.verifyUserToken(token).catch((error: unknown) => {
        if (!(error instanceof TokenRefused))
          this.#options.logger.error({ err: error }, 'the token of a socket could not be verified again');
        if (connection.identity.token === token) connection.close('unauthenticated');
      });
    }
  }

  /** Whose socket it is to be; undefined: the token does not say. */
  async #identify(token: string): Promise<UserIdentity | undefined> {
    try {
      const identity = await this.#options.gate.verifyUserToken(token);
      if (!identity.scope.split(' ').includes('socket')) throw new TokenRefused('the token is not for the socket');
      if (!hasRight(identity.role, 'conversations.use')) throw new TokenRefused('the role has no conversations');
      return identity;
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      this.#options.logger.info({ reason: error.message }, 'a socket was refused');
      return undefined;
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

const NOBODY: UserIdentity = {
  user: '',
  session: '',
  token: '',
  scope: '',
  origin: undefined,
  expiresAt: 0,
  issuedAt: 0,
  role: 'guest',
  tokenId: '',
};
