import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CURSOR_TOPICS, type Cursor } from '@starling/contracts/log';
import { hasRight } from '@starling/contracts/permissions';
import { type Problem, renderProblem } from '@starling/contracts/problems';
import { type CloseName, FRAME_BYTES, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import type { Clock } from '@starling/platform/clock';
import { endWithProblem } from '@starling/platform/http';
import type { ServiceMetrics } from '@starling/platform/metrics';
import { LEEWAY_SECONDS, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import { type WebSocket, WebSocketServer } from 'ws';
import { type DrainResult, drainSockets } from '../drain/drain.ts';
import { Admission, type NoRoom } from './admission.ts';
import { Connection } from './connection.ts';
import { Flusher } from './flusher.ts';
import { type SessionContext, SocketSession } from './socket-session.ts';
import { type HeldSocket, Sockets } from './sockets.ts';
import { encodeTextFrame } from './text-frame.ts';

export interface GatewayOptions extends SessionContext {
  clock: Clock;
  metrics: ServiceMetrics;
  socketBytes: number;
  connectionCap: number;
  upgradesPerSecond: number;
}

const TICK_MS = 1_000;
/** A socket to which nothing is sent gets a cursor so often, ms: it keeps the cursor in the ring, and the client sure of the socket. */
const IDLE_CURSOR_MS = 15_000;

/** Why an upgrade with which nothing is wrong gets no socket, and in how many seconds, at random between, to come again. */
const REFUSALS: Record<'starting' | 'draining' | NoRoom, { detail: string; from: number; to: number }> = {
  starting: { detail: 'this server is starting', from: 1, to: 3 },
  draining: { detail: 'this server is stopping', from: 1, to: 3 },
  rate: { detail: 'too many sockets are opened at this time', from: 1, to: 5 },
  full: { detail: 'this server has all the sockets that it may have', from: 5, to: 15 },
};

/** The WebSocket side of a pod: who is connected, what they send, and when they are closed. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: WebSocketServer;
  readonly #flusher = new Flusher();
  readonly #sockets = new Sockets();
  readonly #admission: Admission;
  #unfollow: (() => void)[] = [];
  #ticking: NodeJS.Timeout | undefined;
  #state: 'starting' | 'open' | 'draining' = 'starting';
  /** Upgrades whose token is being looked at. */
  #opening = 0;
  #refused = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { connectionCap: cap, upgradesPerSecond: perSecond } = options;
    this.#admission = new Admission({ cap, perSecond }, performance.now());
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
    return this.#sockets.count;
  }

  /** How many upgrades have been refused for want of room, since the start. */
  get refusedCount(): number {
    return this.#refused;
  }

  get draining(): boolean {
    return this.#state === 'draining';
  }

  start(): void {
    // It may have been told to drain meanwhile.
    if (this.#state === 'starting') this.#state = 'open';
    const { gate } = this.#options;
    this.#unfollow = [gate.onRevoked((revoked) => this.#closeRevoked(revoked)), gate.onKeysChanged(() => this.#verifyAll())];
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Takes no new sockets from here on, and sees those that there are off within that time. */
  async drain(milliseconds: number): Promise<DrainResult> {
    const { metrics } = this.#options;
    this.#state = 'draining';
    const sockets = [...this.#sockets].map(({ connection, session, ended }) => ({
      ended,
      hint(withinMs: number) {
        if (connection.closed) return;
        connection.send({ type: 'reconnect', withinMs });
        metrics.countReconnectHints('drain', 1);
      },
      leave: (withinMs: number) => session.leave(withinMs),
    }));
    const result = await drainSockets(sockets, milliseconds);
    metrics.observeDrain(result.seconds);
    return result;
  }

  stop(): void {
    this.#state = 'draining';
    clearInterval(this.#ticking);
    for (const unfollow of this.#unfollow) unfollow();
    this.closeAll('restarting');
  }

  closeAll(name: CloseName): void {
    for (const { connection } of this.#sockets) connection.close(name);
  }

  /** How many sockets were asked to connect anew, and may still be about to. */
  countLeaving(): number {
    return this.#sockets.countLeaving(performance.now());
  }

  /** Asks so many sockets to connect anew, for the sake of the balance between the pods. */
  shed(count: number, withinMs: number): void {
    this.#options.metrics.countReconnectHints('rebalance', this.#sockets.askToReconnect(count, withinMs, performance.now()));
  }

  /**
   * Takes over an HTTP upgrade of /v1/socket. What a page of another site could cause is answered before there is a
   * socket, and so is what costs too much to look at when there is no room; what a client must tell apart to go on (its
   * token, too many sockets) by a close code, since a browser shows a page no other answer to an upgrade.
   */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    const token = offered.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))?.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    if (!offered.includes(SUBPROTOCOL)) {
      endWithProblem(stream, renderProblem('invalid-request', { detail: `offer the subprotocol ${SUBPROTOCOL}` }));
      return;
    }
    const refusal = this.#refuse();
    if (refusal) endWithProblem(stream, refusal);
    else void this.#identifyAndUpgrade(request, stream, head, token ?? '');
  }

  #refuse(): Problem | undefined {
    const open = this.#sockets.count + this.#opening;
    const reason = this.#state === 'open' ? this.#admission.admit(open, performance.now()) : this.#state;
    if (!reason) return undefined;
    this.#options.metrics.countRefusedUpgrade(reason);
    if (reason === 'full' || reason === 'rate') this.#refused++;
    const { detail, from, to } = REFUSALS[reason];
    return renderProblem('unavailable', { detail, retryAfter: from + Math.floor(Math.random() * (to - from + 1)) });
  }

  async #identifyAndUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, token: string): Promise<void> {
    this.#opening++;
    try {
      const identity = await this.#identify(token);
      // With an origin in the token: exactly that Origin; without: none, as from clients that are no browsers.
      if (identity && identity.origin !== request.headers.origin) return endWithProblem(stream, renderProblem('not-same-origin'));
      this.#server.handleUpgrade(request, stream, head, (socket) => this.#accept(socket, stream, identity));
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a socket could not be accepted');
      endWithProblem(stream, renderProblem('internal'));
    } finally {
      this.#opening--;
    }
  }

  #accept(socket: WebSocket, stream: Duplex, identity: UserIdentity | undefined): void {
    const { socketBytes: maxBytes, metrics, clock } = this.#options;
    socket.on('error', () => {});
    const connection = new Connection({
      socket,
      stream,
      identity: identity ?? NOBODY,
      maxBytes,
      requestFlush: this.#flusher.request,
      onDrop: (name) => metrics.countDrop(name),
    });
    const refusal = this.#refusalOf(identity);
    if (!identity || refusal) {
      connection.close(refusal ?? 'unauthenticated');
      return;
    }
    const session = new SocketSession(connection, this.#options);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const held: HeldSocket = { user: identity.user, connection, session, ended };
    this.#sockets.add(held);
    socket.once('close', () => {
      connection.markClosed();
      this.#sockets.remove(held);
      session.end();
      end();
    });
    socket.on('message', (data, binary) => session.receive(data, binary));
    connection.send({ type: 'hello', time: clock.now() });
  }

  #refusalOf(identity: UserIdentity | undefined): CloseName | undefined {
    const { tails } = this.#options;
    if (!identity) return 'unauthenticated';
    if (this.#state !== 'open') return 'restarting';
    if (tails.halted !== undefined) return 'unavailable';
    if (!tails.isCurrent()) return 'behind';
    return this.#sockets.hasRoomFor(identity.user) ? undefined : 'too-many';
  }

  /** The session, or without one every session of the user, has ended. */
  #closeRevoked({ user, session }: { user: string; session?: string | undefined }): void {
    for (const { connection } of [...this.#sockets.ofUser(user)])
      if (session === undefined || connection.identity.session === session) connection.close('unauthenticated');
  }

  /** A key was dropped, maybe: whoever came in by a token of it, a thief for one, is put out. */
  #verifyAll(): void {
    for (const { connection } of this.#sockets) {
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
    for (const { connection } of this.#sockets) {
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
  if (CURSOR_TOPICS.every((topic) => settled[topic].every((offset, index) => offset >= (liveFrom[topic][index] ?? 0)))) {
    connection.liveFrom = undefined;
    return settled;
  }
  const later = (topic: (typeof CURSOR_TOPICS)[number]) =>
    settled[topic].map((offset, index) => Math.max(offset, liveFrom[topic][index] ?? 0));
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
