import type { Cursor, ParticipantState } from '@starling/contracts/log';
import { type Problem, type ProblemName, renderProblem } from '@starling/contracts/problems';
import type { ClientFrame, SendFrame, ServerFrame } from '@starling/contracts/socket';
import { TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { v4 } from 'uuid';
import type { Clock } from '../clock.ts';
import type { WebSocketConstructor } from '../sync/socket.ts';
import { FakeIdentity } from './fake-identity.ts';
import { FakeLog } from './fake-log.ts';
import { type FakeReply, type FakeRequest, problem } from './fake-request.ts';
import { type FakeConnection, FakeSocket } from './fake-socket.ts';

/** What becomes of a post: stored and answered, stored without an answer, lost without one, or answered otherwise. */
export type PostScript =
  | 'store'
  | 'store-silently'
  | 'lose'
  | { answer: 'unknown'; stored: boolean }
  | { answer: 'nack'; problem: Problem };

/**
 * A server in memory for tests of the client: the public interface, one log, no network. It behaves well until it is
 * told otherwise by the fields that are functions.
 */
export class FakeServer implements FakeConnection {
  readonly log = new FakeLog();
  readonly identity: FakeIdentity;
  readonly sockets = new Set<FakeSocket>();
  /** Every request and every frame of clients, as they came. */
  readonly requests: FakeRequest[] = [];
  readonly frames: ClientFrame[] = [];
  pageSize = 100;
  /** Called before a request is answered; may wait, throw (as a broken network does) or name the problem to answer with. */
  onRequest: (request: FakeRequest) => Promise<ProblemName | undefined> | ProblemName | undefined = () => undefined;
  /** Called with a post before it is looked at. */
  onPost: (frame: SendFrame) => PostScript = () => 'store';
  /** Whether an upgrade succeeds and is greeted; or after how many seconds it may be tried again. */
  onUpgrade: () => 'accept' | 'refuse' | 'hang' | { retryAfter: number } = () => 'accept';
  #clock: Clock;
  #revs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.identity = new FakeIdentity(clock);
  }

  /** A WebSocket class that leads here. */
  get WebSocket(): WebSocketConstructor {
    const server = this;
    return class extends FakeSocket {
      constructor(_url: string, protocols: string[]) {
        super(protocols, server);
      }
    };
  }

  /** A fetch that leads here, with a cookie jar of its own as a browser has it. */
  createFetch(): typeof fetch {
    let cookie = '';
    return async (input, init) => {
      const { pathname, searchParams } = new URL(String(input));
      const headers = { cookie, ...(init?.headers as Record<string, string>) };
      const body = init?.body ? JSON.parse(String(init.body)) : {};
      const reply = await this.handle({ method: init?.method ?? 'GET', path: pathname, query: searchParams, headers, body });
      cookie = reply.headers?.['set-cookie'] ?? cookie;
      const text = reply.body === undefined ? null : JSON.stringify(reply.body);
      return new Response(text, { status: reply.status, headers: { date: new Date(this.#clock.now()).toUTCString(), ...reply.headers } });
    };
  }

  /** Makes an account. */
  addUser(name: string, email = `${name.toLowerCase()}@example.org`, password = 'correct horse'): string {
    return this.identity.addUser(name, email, password);
  }

  addGroup(name: string, users: string[]): string {
    const id = v4();
    const participants = users.map((user, index) => this.#participant(user, index === 0 ? 'owner' : 'member', true));
    this.append(id, 'conversation.created', { conversation: { id, kind: 'group', name, rev: ++this.#revs }, participants });
    return id;
  }

  rename(conversation: string, name: string): void {
    const { state } = this.log.rooms.get(conversation)!;
    this.append(conversation, 'conversation.updated', { conversation: { ...state, name, rev: ++this.#revs } });
  }

  addParticipant(conversation: string, user: string): void {
    const { state } = this.log.rooms.get(conversation)!;
    this.append(conversation, 'participant.added', { conversation: state, participant: this.#participant(user, 'member', true) });
  }

  removeParticipant(conversation: string, user: string): void {
    const { state } = this.log.rooms.get(conversation)!;
    this.append(conversation, 'participant.removed', { conversation: state, participant: this.#participant(user, 'member', false) });
  }

  /** Stores a message as another client would. */
  post(conversation: string, author: string, body: string, client: string = v4()): number {
    return this.append(conversation, 'message.posted', { body }, author, client).position;
  }

  append(key: string, kind: string, value: unknown, author?: string, client?: string) {
    const post = author !== undefined && client !== undefined ? { author, client } : {};
    const event = this.log.append({ key, kind, value, at: this.#clock.now(), ...post });
    for (const socket of this.sockets) if (socket.resumed && this.log.mayReceive(socket.user, event)) socket.deliver(event);
    return event;
  }

  /** Tells every client how far it has got. */
  sendCursors(): void {
    this.broadcast({ type: 'cursor', cursor: this.log.end() });
  }

  broadcast(frame: ServerFrame): void {
    for (const socket of this.sockets) socket.deliver(frame);
  }

  closeAll(code: number, reason = ''): void {
    for (const socket of [...this.sockets]) socket.end(code, reason);
  }

  onOpen(socket: FakeSocket): void {
    const how = this.onUpgrade();
    if (how === 'refuse') socket.end(1006);
    if (typeof how === 'object') socket.refuse(how.retryAfter);
    if (how !== 'accept') return;
    const token = socket.protocols
      .find((protocol) => protocol.startsWith(TOKEN_SUBPROTOCOL_PREFIX))
      ?.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    const session = this.identity.sessionOfToken(token);
    if (!session) {
      socket.end(4401);
      return;
    }
    socket.user = session.user;
    socket.session = session.id;
    this.sockets.add(socket);
    socket.deliver({ type: 'hello', time: this.#clock.now() });
  }

  onClose(socket: FakeSocket): void {
    this.sockets.delete(socket);
  }

  onFrame(socket: FakeSocket, text: string): void {
    const frame = JSON.parse(text) as ClientFrame;
    this.frames.push(frame);
    if (frame.type === 'resume') this.#resume(socket, frame.cursor);
    else if (frame.type === 'send') this.#post(socket, frame);
    else if (this.identity.sessionOfToken(frame.token)?.id !== socket.session) socket.end(4401);
    else socket.deliver({ type: 'authenticated', expiresAt: this.#clock.now() + this.identity.tokenLife });
  }

  async handle(request: FakeRequest): Promise<FakeReply> {
    this.requests.push(request);
    const scripted = await this.onRequest(request);
    if (scripted) return problem(scripted);
    const answer = this.identity.answer(request);
    if (answer) return answer;
    const route = `${request.method} ${request.path}`;
    const session = this.identity.sessionOf(request);
    if (!session) return problem('unauthenticated');
    const { user } = session;
    const shown = request.headers['x-starling-user'];
    if (shown !== undefined && shown !== user) {
      return problem('unauthenticated', { errors: [{ pointer: '/headers/x-starling-user', detail: "is not the session's user" }] });
    }
    if (route === 'POST /v1/socket-token') return { status: 200, body: this.identity.mint(session) };
    if (route === 'GET /v1/sessions/current') return { status: 200, body: { user } };
    if (route === 'DELETE /v1/sessions/current') {
      this.identity.sessions.delete(session.id);
      return { status: 204, headers: { 'set-cookie': 'session=' } };
    }
    const done = this.identity.answerTo(user, request);
    if (done) return done;
    return request.path.startsWith('/v1/users') ? this.#users(user, request) : this.#conversations(user, request);
  }

  #users(user: string, { method, path, query, body }: FakeRequest): FakeReply {
    const profiles = [...this.identity.accounts.values()].map(({ profile }) => profile);
    if (path === '/v1/users/cards') {
      const wanted = body['users'] as string[];
      return { status: 200, body: { users: profiles.filter(({ id }) => wanted.includes(id)) } };
    }
    if (path === '/v1/users/me') {
      const account = this.identity.accounts.get(user)!;
      if (method === 'PATCH') {
        if (profiles.some(({ id, handle }) => id !== user && handle === body['handle'])) return problem('handle-taken');
        account.profile = { ...account.profile, ...body, rev: account.profile.rev + 1 };
      }
      return { status: 200, body: account.profile };
    }
    const search = (query.get('search') ?? '').toLowerCase();
    const found = profiles.filter(({ name, handle }) =>
      `${name} ${handle}`
        .toLowerCase()
        .split(' ')
        .some((word) => word.startsWith(search)),
    );
    return { status: 200, body: { users: found.slice(0, 20) } };
  }

  #conversations(user: string, { method, path, query, body }: FakeRequest): FakeReply {
    const [, , , id = '', part, other = ''] = path.split('/');
    if (path === '/v1/snapshot') return this.#snapshot(user, Number(query.get('page') ?? 0));
    if (method === 'POST' && id === '') {
      const group = this.addGroup(body['name'] as string, [user, ...(body['participants'] as string[])]);
      return { status: 201, body: { id: group, position: this.log.rooms.get(group)!.lastPosition } };
    }
    if (method === 'PUT' && id === 'private') return this.#openPrivate(user, part!);
    if (!this.log.isIn(user, id)) return problem('not-found');
    if (part === 'messages') return this.#history(id, query);
    if (part === 'participants' && method === 'PUT') this.addParticipant(id, other);
    else if (part === 'participants') this.removeParticipant(id, other);
    else if (method === 'PATCH') this.rename(id, body['name'] as string);
    else return { status: 200, body: this.log.snapshot(id) };
    return { status: 200, body: { id, position: this.log.events.at(-1)!.position } };
  }

  #openPrivate(user: string, other: string): FakeReply {
    const held = [...this.log.rooms].find(
      ([, room]) => room.state.kind === 'private' && room.participants.has(user) && room.participants.has(other),
    );
    const id = held?.[0] ?? v4();
    if (!held) {
      const participants = [user, other].map((each) => this.#participant(each, 'member', true));
      this.append(id, 'conversation.created', { conversation: { id, kind: 'private', name: null, rev: ++this.#revs }, participants });
    }
    return { status: 200, body: { id, position: this.log.rooms.get(id)!.lastPosition } };
  }

  #snapshot(user: string, start: number): FakeReply {
    const all = this.log.conversationsOf(user);
    const end = start + this.pageSize;
    return {
      status: 200,
      body: { cursor: this.log.end(), conversations: all.slice(start, end), next: end < all.length ? String(end) : null },
    };
  }

  #history(id: string, query: URLSearchParams): FakeReply {
    const limit = Number(query.get('limit') ?? 50);
    const before = Number(query.get('before') ?? Number.MAX_SAFE_INTEGER);
    const older = this.log.rooms.get(id)!.messages.filter(({ position }) => position < before);
    return { status: 200, body: { messages: older.slice(-limit), more: older.length > limit } };
  }

  #resume(socket: FakeSocket, cursor: Cursor): void {
    const missed = this.log.events.filter((event) => this.log.isAfter(cursor, event) && this.log.mayReceive(socket.user, event));
    for (const event of missed) socket.deliver(event);
    socket.resumed = true;
    socket.deliver({ type: 'cursor', cursor: this.log.end() });
    socket.deliver({ type: 'live' });
  }

  #post(socket: FakeSocket, frame: SendFrame): void {
    const script = this.onPost(frame);
    const { conversation, client, body } = frame;
    if (typeof script === 'object' && script.answer === 'nack') {
      socket.deliver({ type: 'nack', conversation, client, problem: script.problem });
      return;
    }
    if (!this.log.isIn(socket.user, conversation)) {
      socket.deliver({ type: 'nack', conversation, client, problem: renderProblem('forbidden') });
      return;
    }
    const find = () =>
      this.log.rooms.get(conversation)!.messages.find((message) => message.author === socket.user && message.client === client);
    if (script !== 'lose' && !(typeof script === 'object' && !script.stored) && !find()) this.post(conversation, socket.user, body, client);
    const stored = find();
    if (typeof script === 'object') socket.deliver({ type: 'unknown', conversation, client });
    else if (script === 'store') socket.deliver({ type: 'ack', conversation, client, position: stored!.position, at: stored!.at });
  }

  #participant(user: string, role: 'owner' | 'member', present: boolean): ParticipantState {
    return { user, role, present, history: 'all', rev: ++this.#revs };
  }
}
