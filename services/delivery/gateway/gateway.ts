import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Cursor, TOPICS } from '@starling/contracts/log';
import { renderProblem } from '@starling/contracts/problems';
import { type CloseName, FRAME_BYTES, type SendFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import type { Clock } from '@starling/platform/clock';
import type { Logger } from '@starling/platform/telemetry';
import { type Gate, LEEWAY_SECONDS, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Sender } from '../append/sender.ts';
import type { Member } from '../resume/members.ts';
import { type ResumeContext, resume } from '../resume/resume.ts';
import { Connection } from './connection.ts';
import { Flusher } from './flusher.ts';
import { readFrame } from './frames.ts';
import { encodeTextFrame } from './text-frame.ts';

export interface GatewayOptions extends ResumeContext {
  gate: Gate;
  clock: Clock;
  logger: Logger;
  sender: Sender;
  socketBytes: number;
}

/** A socket must say from where to resume within, ms. */
const RESUME_MS = 10_000;
const TICK_MS = 1_000;
/** A socket to which nothing is sent gets a cursor so often, ms: it keeps the cursor in the ring, and the client sure of the socket. */
const IDLE_CURSOR_MS = 15_000;
/** Sends of one socket that may wait for their outcome at a time. */
const SENDS_LIMIT = 200;

/** The WebSocket side of a pod: who is connected, what they send, and when they are closed. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: WebSocketServer;
  readonly #flusher = new Flusher();
  readonly #connections = new Set<Connection>();
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
    if (!offered.includes(SUBPROTOCOL)) return refuseUpgrade(stream, 400, 'invalid-request', `offer the subprotocol ${SUBPROTOCOL}`);
    if (!this.#accepting) return refuseUpgrade(stream, 503, 'unavailable', 'this server is starting or stopping');
    const token = offered.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))?.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    const { origin } = request.headers;
    this.#server.handleUpgrade(request, stream, head, (socket) => void this.#accept(socket, stream, token ?? '', origin));
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
    const connection = new Connection({ socket, stream, identity: identity ?? NOBODY, maxBytes: socketBytes, requestFlush: this.#flusher.request });
    if (!identity) return connection.close(checked as CloseName);
    this.#connections.add(connection);
    const session = new SocketSession(connection, this.#options);
    socket.once('close', () => {
      connection.markClosed();
      this.#connections.delete(connection);
      session.end();
    });
    if (socket.readyState !== socket.OPEN) return;
    connection.send({ type: 'hello', time: clock.now() });
    receive = (data, binary) => session.receive(data, binary);
    for (const [data, binary] of early) session.receive(data, binary);
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

/** What one socket has asked for: its resume, its sends, its token. */
class SocketSession {
  readonly #connection: Connection;
  readonly #options: GatewayOptions;
  readonly #resumeTimer: NodeJS.Timeout;
  #resuming = false;
  #member: Member | undefined;
  #sends = 0;
  #ended = false;

  constructor(connection: Connection, options: GatewayOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#resumeTimer = setTimeout(() => connection.close('idle'), RESUME_MS);
  }

  receive(data: RawData, binary: boolean): void {
    if (this.#connection.closed) return;
    const received = binary ? ({ is: 'bad' } as const) : readFrame(data.toString());
    if (received.is === 'bad') return this.#connection.close('invalid-frame');
    if (received.is === 'bad-send') {
      const problem = renderProblem('invalid-request', { detail: 'A message is text of 1 to 40,000 bytes (UTF-8), without NUL and lone surrogates.' });
      return this.#connection.send({ type: 'nack', ...received.send, problem });
    }
    const { frame } = received;
    if (frame.type === 'resume') void this.#resume(frame.cursor);
    else if (frame.type === 'send') void this.#send(frame);
    else void this.#authenticate(frame.token);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#resumeTimer);
    if (!this.#member) return;
    this.#member.connections.delete(this.#connection);
    this.#options.members.release(this.#member);
    this.#member = undefined;
  }

  async #resume(cursor: Cursor): Promise<void> {
    clearTimeout(this.#resumeTimer);
    if (this.#resuming) return this.#connection.close('invalid-frame');
    this.#resuming = true;
    try {
      const resumed = await resume(this.#options, this.#connection, cursor);
      if (typeof resumed === 'string') return this.#connection.close(resumed);
      this.#member = resumed;
      if (this.#ended) this.end();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a resume failed');
      this.#connection.close('internal');
    }
  }

  async #send(frame: SendFrame): Promise<void> {
    const { conversation, client } = frame;
    if (this.#sends >= SENDS_LIMIT) return this.#connection.send({ type: 'nack', conversation, client, problem: renderProblem('rate-limited', { retryAfter: 1 }) });
    this.#sends++;
    const outcome = await this.#options.sender.send(this.#connection.identity, frame).finally(() => this.#sends--);
    if (outcome.is === 'ok') this.#connection.send({ type: 'ack', conversation, client, position: outcome.position, at: outcome.at });
    else if (outcome.is === 'refused') this.#connection.send({ type: 'nack', conversation, client, problem: outcome.problem });
    else this.#connection.send({ type: 'unknown', conversation, client });
  }

  async #authenticate(token: string): Promise<void> {
    const { identity } = this.#connection;
    try {
      const renewed = await this.#options.gate.verifyUserToken(token);
      const same = renewed.user === identity.user && renewed.session === identity.session && renewed.origin === identity.origin;
      if (!same || !renewed.scope.split(' ').includes('socket')) return this.#connection.close('unauthenticated');
      this.#connection.identity = renewed;
      this.#connection.send({ type: 'authenticated', expiresAt: renewed.expiresAt });
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      this.#connection.close('unauthenticated');
    }
  }
}

const NOBODY: UserIdentity = { user: '', session: '', token: '', scope: '', origin: undefined, expiresAt: 0 };

function refuseUpgrade(stream: Duplex, status: number, name: Parameters<typeof renderProblem>[0], detail: string): void {
  const text = JSON.stringify(renderProblem(name, { detail }));
  stream.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}
