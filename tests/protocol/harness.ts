import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '@connectrpc/connect';
import type { Cursor } from '@starling/contracts/log';
import { AccountsService } from '@starling/contracts/rpc';
import { type EventFrame, type ServerFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { createConversation } from '@starling/conversation/app';
import { MIGRATIONS as CONVERSATION_MIGRATIONS } from '@starling/conversation/migrations';
import { createDelivery, type Delivery } from '@starling/delivery/app';
import { DeliveryConfig } from '@starling/delivery/config';
import { createIdentity } from '@starling/identity/app';
import { IdentityConfig } from '@starling/identity/config';
import { MIGRATIONS as IDENTITY_MIGRATIONS } from '@starling/identity/migrations';
import type { Clock } from '@starling/platform/clock';
import { loadConfig } from '@starling/platform/config';
import { HOP_HEADER } from '@starling/platform/http';
import type { EventLog } from '@starling/platform/log';
import type { Service } from '@starling/platform/service';
import { createTestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import { createUser } from '@starling/user/app';
import { MIGRATIONS as USER_MIGRATIONS } from '@starling/user/migrations';
import { v7 } from 'uuid';
import { WebSocket } from 'ws';

export const PASSWORD = 'correct horse battery';

/** The real services on a database of their own, reached as `web` reaches them. */
export interface Chat {
  local: TestPlatform;
  /** postgres:// URL of a superuser on the services' database. */
  databaseUrl: string;
  pods: Delivery[];
  /** Where sockets connect, a URL a pod. */
  socketUrls: string[];
  signUp(name: string): Promise<Person>;
  stop(): Promise<void>;
}

export interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a reply is looked at, not relied on
  body: any;
}

/** Someone with an account, and what they can do. */
export interface Person {
  id: string;
  email: string;
  session: string;
  call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** Creates a group and returns its id and position. */
  createGroup(name: string, others: Person[]): Promise<{ id: string; position: number }>;
  post(conversation: string, body: string, client?: string, extra?: object): Promise<Reply>;
  snapshot(): Promise<{ cursor: Cursor; conversations: { conversation: { id: string } }[] }>;
  /** Opens a socket to a pod (0 unless given) and resumes from the cursor, or a new snapshot's. */
  connect(cursor?: Cursor, pod?: number): Promise<Socket>;
}

/** A socket, and every frame that came over it. */
export interface Socket {
  frames: ServerFrame[];
  closed: { code: number; reason: string } | undefined;
  socket: WebSocket;
  send(frame: unknown): void;
  events(): EventFrame[];
  /** The bodies of the messages that came. */
  bodies(): string[];
  find<T extends ServerFrame['type']>(
    type: T,
    match?: (frame: Extract<ServerFrame, { type: T }>) => boolean,
  ): Promise<Extract<ServerFrame, { type: T }>>;
  waitClosed(): Promise<{ code: number; reason: string }>;
  close(): Promise<void>;
}

export async function startChat(
  options: {
    deliveryConfig?: Partial<DeliveryConfig>;
    pods?: number;
    clock?: Clock;
    /** Another log than the one on the database. */
    openLog?(): Promise<EventLog>;
  } = {},
): Promise<Chat> {
  const database = await createTestDatabase();
  const local = await createTestPlatform({
    database,
    services: { identity: IDENTITY_MIGRATIONS, user: USER_MIGRATIONS, conversation: CONVERSATION_MIGRATIONS },
    ...(options.clock && { clock: options.clock }),
    ...(options.openLog && { openLog: options.openLog }),
  });
  local.register(
    'identity',
    createIdentity(loadConfig(IdentityConfig, { overrides: { secret: 'x'.repeat(32), registration: 'open' } }), local.platform('identity')),
  );
  local.register('user', createUser({}, local.platform('user')));
  local.register('conversation', createConversation({ snapshotPage: 3 }, local.platform('conversation')));
  const pods = Array.from({ length: options.pods ?? 1 }, (_, index) =>
    createDelivery(
      loadConfig(DeliveryConfig, { overrides: { pod: `pod-${index}`, ...options.deliveryConfig } }),
      local.platform('delivery'),
    ),
  );
  local.register('delivery', joinPods(pods));
  await local.start();
  const servers = await Promise.all(pods.map(listenForSockets));
  const socketUrls = servers.map(({ url }) => url);
  const accounts = createClient(AccountsService, local.platform('web').rpc('identity'));

  return {
    local,
    pods,
    databaseUrl: database.url,
    socketUrls,
    async signUp(name) {
      const client = { local: true };
      const email = `${name.toLowerCase()}.${randomUUID().slice(0, 8)}@example.org`;
      const { id, code } = await accounts.register({ email, password: PASSWORD, name, client });
      const { user } = await accounts.confirmRegistration({ id, code, client });
      const person = createPerson(local, socketUrls, { id: user, email });
      await waitFor(async () => (await person.call('GET', '/v1/users/me')).status === 200);
      return person;
    },
    async stop() {
      const closing = Promise.all(servers.map(({ close }) => close()));
      await local.stop();
      await closing;
      await database.drop();
    },
  };
}

/** All pods as one service; HTTP goes to the first. */
function joinPods(pods: Delivery[]): Service {
  return {
    routes: (app) => pods[0]?.routes(app),
    start: async () => void (await Promise.all(pods.map((pod) => pod.start()))),
    stop: async () => void (await Promise.all(pods.map((pod) => pod.stop()))),
  };
}

async function listenForSockets(pod: Delivery): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer().on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    pod.upgrade(request, stream, head);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/socket`;
  return { url, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function createPerson(local: TestPlatform, socketUrls: string[], { id, email }: { id: string; email: string }): Person {
  const session = randomUUID();
  const person: Person = {
    id,
    email,
    session,
    async call(method, path, body, headers = {}) {
      const service = path.startsWith('/v1/users') ? 'user' : method === 'POST' && /\/messages$/.test(path) ? 'delivery' : 'conversation';
      const { token } = await local.platform('identity').minter.mintUserToken({ user: id, session, role: 'member', scope: 'api' });
      const hop = await local.platform('web').minter.mintHopToken(service, { user: id, session, token });
      const raw = typeof body === 'string' || Buffer.isBuffer(body);
      const reply = await local.http(service).inject({
        method,
        url: path,
        headers: {
          authorization: `Bearer ${token}`,
          [HOP_HEADER]: hop,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: raw ? body : JSON.stringify(body) }),
      });
      return { status: reply.statusCode, body: reply.body === '' ? undefined : JSON.parse(reply.body) };
    },
    async createGroup(name, others) {
      const reply = await person.call(
        'POST',
        '/v1/conversations',
        { name, participants: others.map((other) => other.id) },
        { 'idempotency-key': randomUUID() },
      );
      if (reply.status !== 201) throw new Error(`the group was not created: ${JSON.stringify(reply)}`);
      return reply.body;
    },
    post: (conversation, body, client = v7(), extra = {}) =>
      person.call('POST', `/v1/conversations/${conversation}/messages`, { client, body, ...extra }),
    async snapshot() {
      const pages = [];
      let page: string | null = '';
      while (page !== null) {
        const reply: Reply = await person.call('GET', `/v1/snapshot${page && `?page=${page}`}`);
        if (reply.status !== 200) throw new Error(`no snapshot: ${JSON.stringify(reply)}`);
        pages.push(reply.body);
        page = reply.body.next;
      }
      return { cursor: pages[0].cursor, conversations: pages.flatMap((entry) => entry.conversations) };
    },
    async connect(cursor, pod = 0) {
      const from = cursor ?? (await person.snapshot()).cursor;
      const token = await local.mintUserToken({ user: id, session, scope: 'socket' });
      const socket = await openSocket(socketUrls[pod] ?? '', token);
      socket.send({ type: 'resume', cursor: from });
      return socket;
    },
  };
  return person;
}

/** Opens a socket without sending anything on it. */
export async function openSocket(url: string, token: string, headers: Record<string, string> = {}): Promise<Socket> {
  const socket = new WebSocket(url, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`], { headers });
  const opened: Socket = {
    frames: [],
    closed: undefined,
    socket,
    send: (frame) => socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    events: () => opened.frames.filter((frame) => frame.type === 'event'),
    bodies: () =>
      opened
        .events()
        .filter((frame) => frame.kind === 'message.posted')
        .map((frame) => (frame.value as { body: string }).body),
    find: (type, match = () => true) =>
      waitFor(
        () => {
          type Wanted = Extract<ServerFrame, { type: typeof type }>;
          return opened.frames.find((frame) => frame.type === type && match(frame as Wanted)) as Wanted | undefined;
        },
        {
          describe: `a frame ${type}; there are ${opened.frames.map((frame) => frame.type).join(' ')}, closed ${JSON.stringify(opened.closed)}`,
        },
      ),
    waitClosed: () => waitFor(() => opened.closed),
    async close() {
      socket.close();
      await waitFor(() => opened.closed);
    },
  };
  socket.on('message', (data) => opened.frames.push(JSON.parse(data.toString())));
  socket.on('close', (code, reason) => {
    opened.closed = { code, reason: reason.toString() };
  });
  socket.on('error', () => {});
  await waitFor(() => socket.readyState === WebSocket.OPEN || opened.closed);
  return opened;
}
