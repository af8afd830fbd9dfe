import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createClient } from '@connectrpc/connect';
import type { SystemRole } from '@starling/contracts/permissions';
import { AccountsService, AdministrationService, SessionsService } from '@starling/contracts/rpc';
import { createConversation } from '@starling/conversation/app';
import { MIGRATIONS as CONVERSATION_MIGRATIONS } from '@starling/conversation/migrations';
import { createDelivery, type Delivery } from '@starling/delivery/app';
import { DeliveryConfig } from '@starling/delivery/config';
import { createIdentity } from '@starling/identity/app';
import { IdentityConfig } from '@starling/identity/config';
import { MIGRATIONS as IDENTITY_MIGRATIONS } from '@starling/identity/migrations';
import { loadConfig } from '@starling/platform/config';
import { onBehalfOf } from '@starling/platform/rpc';
import { createTestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import { createUser } from '@starling/user/app';
import { MIGRATIONS as USER_MIGRATIONS } from '@starling/user/migrations';
import { createWeb } from '@starling/web/app';
import { createLocalUpstream } from '@starling/web/upstream';
import pg from 'pg';

export const PASSWORD = 'correct horse battery';
const HOST = 'localhost:3000';
/** What the site's own page sends with what changes something. */
export const OWN_PAGE = { origin: `http://${HOST}`, 'x-starling-request': '1' };
/** Who takes part in the group, at first. */
const PARTICIPANTS = ['guest', 'member', 'removed', 'disabled', 'bot'];
/** The browser client's sources have an index.html without being built. */
const CLIENT = fileURLToPath(new URL('../../services/web/browser', import.meta.url));

/** Somebody who tries what they may do. */
export interface Actor {
  id: string;
  email: string;
  /** Of a browser's cookie. */
  cookie: string;
  /** The session of the token. */
  session: string;
  /** A program's, for API and socket; empty: none. */
  token: string;
  refreshToken: string;
}

/** The real services, and the same people for every cell. */
export interface World {
  local: TestPlatform;
  socketUrl: string;
  /** The actor of a column; for columns that are none, who is nobody. */
  actor(column: string): Actor;
  /** A member who is no actor, and whose account no cell changes. */
  bystander: Actor;
  /** The group that `owner` made. */
  group: string;
  /** Another, to be left. */
  farewell: string;
  /** A registration that waits for its code. */
  registration: string;
  /** Every public route, as `METHOD /path`; without HEAD, which is tried with GET. */
  publicRoutes: string[];
  /** The routes of the services behind web. */
  innerRoutes: { service: 'user' | 'conversation' | 'delivery'; route: string }[];
  /** Asks web; by a browser's cookie, or else by the actor's token. */
  ask(actor: Actor, request: Request): Promise<{ statusCode: number; body: string }>;
  /** A token of the actor's session that is good for one of both alone; empty for nobody. */
  mintToken(actor: Actor, scope: 'api' | 'socket'): Promise<string>;
  /** Make what a cell may change or take away; they return its id. */
  makeAccount(role: SystemRole): Promise<string>;
  /** Of an actor; of the bystander, for who is nobody. */
  makeSession(whose: Actor): Promise<string>;
  makePasskey(whose: Actor): Promise<string>;
  makeInvite(): Promise<string>;
  stop(): Promise<void>;
}

export interface Request {
  method: string;
  url: string;
  body?: object;
  headers?: Record<string, string>;
  byCookie?: boolean;
  /** Instead of the actor's. */
  token?: string;
}

export async function openWorld(): Promise<World> {
  const database = await createTestDatabase();
  const local = await createTestPlatform({
    database,
    services: { identity: IDENTITY_MIGRATIONS, user: USER_MIGRATIONS, conversation: CONVERSATION_MIGRATIONS },
  });
  const config = loadConfig(IdentityConfig, {
    overrides: { secret: 'x'.repeat(32), registration: 'open', ownerEmail: 'root@example.org' },
  });
  const delivery = createDelivery(loadConfig(DeliveryConfig, { overrides: { pod: 'pod' } }), local.platform('delivery'));
  local.register('identity', createIdentity(config, local.platform('identity')));
  local.register('user', createUser({}, local.platform('user')));
  local.register('conversation', createConversation({ snapshotPage: 100 }, local.platform('conversation')));
  local.register('delivery', delivery);
  const inner = { user: local.http('user'), conversation: local.http('conversation'), delivery: local.http('delivery') };
  local.register('web', createWeb({ client: CLIENT }, local.platform('web'), createLocalUpstream(inner)));
  const web = local.http('web');

  const publicRoutes: string[] = [];
  const innerRoutes: World['innerRoutes'] = [];
  web.addHook('onRoute', ({ method, url }) => void publicRoutes.push(...routesOf(method, url)));
  for (const service of ['user', 'conversation', 'delivery'] as const)
    inner[service].addHook('onRoute', ({ method, url }) => {
      const routes = routesOf(method, url);
      publicRoutes.push(...routes);
      innerRoutes.push(...routes.map((route) => ({ service, route })));
    });
  await local.start();
  await Promise.all([web, ...Object.values(inner)].map((app) => app.ready()));
  const sockets = await listenForSockets(delivery);
  const admin = new pg.Pool({ connectionString: database.url, max: 4 });
  const toIdentity = local.platform('web').rpc('identity');
  const accounts = createClient(AccountsService, toIdentity);
  const sessions = createClient(SessionsService, toIdentity);
  const administration = createClient(AdministrationService, toIdentity);
  const client = { local: true };

  async function register(name: string): Promise<Actor> {
    const email = `${name}@example.org`;
    const { id, code } = await accounts.register({ email, password: PASSWORD, name, client });
    const { user, session } = await accounts.confirmRegistration({ id, code, client });
    return { id: user, email, cookie: session, session: '', token: '', refreshToken: '' };
  }

  /** With the role that the account has by now in its token. */
  async function logIn(actor: Actor): Promise<void> {
    const { token, refreshToken } = await sessions.issueToken({ email: actor.email, password: PASSWORD, client });
    const { session } = await local.platform('web').gate.verifyUserToken(token);
    Object.assign(actor, { token, refreshToken, session });
  }

  async function ask(actor: Actor, { method, url, body, headers = {}, byCookie = false, token = actor.token }: Request) {
    const proof: Record<string, string> = byCookie
      ? { cookie: `starling=${actor.cookie}`, ...OWN_PAGE }
      : token === ''
        ? {}
        : { authorization: `Bearer ${token}` };
    return web.inject({ method: method as 'GET', url, headers: { host: HOST, ...proof, ...headers }, ...(body && { payload: body }) });
  }

  async function command(actor: Actor, request: Request): Promise<string> {
    const reply = await ask(actor, request);
    if (reply.statusCode >= 300) throw new Error(`${request.method} ${request.url} was answered by ${reply.body}`);
    return (JSON.parse(reply.body) as { id: string }).id;
  }

  async function insert(statement: string, values: unknown[]): Promise<string> {
    const { rows } = await admin.query<{ id: string }>(`INSERT INTO identity.${statement} RETURNING id`, values);
    return rows[0]?.id as string;
  }

  const nobody: Actor = {
    id: randomUUID(),
    email: 'nobody@example.org',
    cookie: 'none',
    session: randomUUID(),
    token: '',
    refreshToken: 'none',
  };
  const names = ['outsider', 'guest', 'member', 'owner', 'removed', 'disabled', 'bot', 'admin', 'root', 'bystander'];
  const people = new Map(await Promise.all(names.map(async (name): Promise<[string, Actor]> => [name, await register(name)])));
  const known = (name: string) => people.get(name) as Actor;
  await logIn(known('root'));
  const byRoot = onBehalfOf({ user: known('root').id, session: known('root').session, token: known('root').token });
  for (const role of ['guest', 'admin']) await administration.setRole({ user: known(role).id, role }, byRoot);
  // No call makes a bot yet.
  await admin.query(`UPDATE identity."user" SET role = 'bot' WHERE id = $1`, [known('bot').id]);
  await Promise.all(names.filter((name) => name !== 'root').map((name) => logIn(known(name))));
  await Promise.all(
    [...people.values()].map((actor) => waitFor(async () => (await ask(actor, { method: 'GET', url: '/v1/users/me' })).statusCode === 200)),
  );

  const someone = (actor: Actor) => (actor === nobody ? known('bystander') : actor);

  const owner = known('owner');
  const makeGroup = (name: string) =>
    command(owner, {
      method: 'POST',
      url: '/v1/conversations',
      headers: { 'idempotency-key': randomUUID() },
      body: { name, participants: PARTICIPANTS.map((participant) => known(participant).id) },
    });
  const [group, farewell] = [await makeGroup('Staff'), await makeGroup('Choir')];
  for (const id of [group, farewell])
    await command(owner, { method: 'DELETE', url: `/v1/conversations/${id}/participants/${known('removed').id}` });
  const disabled = known('disabled');
  await administration.setDisabled({ user: disabled.id, disabled: true }, byRoot);
  await waitFor(async () => (await ask(disabled, { method: 'GET', url: '/v1/users/me' })).statusCode === 401);
  const { id: registration } = await accounts.register({ email: 'new@example.org', password: PASSWORD, name: 'New', client });

  return {
    local,
    socketUrl: sockets.url,
    actor: (column) => people.get(column) ?? nobody,
    bystander: known('bystander'),
    group,
    farewell,
    registration,
    publicRoutes: [...new Set(publicRoutes)].sort(),
    innerRoutes,
    ask,
    mintToken: async ({ id: user, session, token }, scope) => (token === '' ? '' : local.mintUserToken({ user, session, scope })),
    makeAccount: (role) =>
      insert(`"user" (name, email, "emailVerified", role) VALUES ('Made', $1, true, $2)`, [`${randomUUID()}@example.org`, role]),
    makeSession: (whose) =>
      insert(`session (token, "userId", "expiresAt") VALUES (encode(sha256($1::bytea), 'hex'), $2, now() + interval '1 day')`, [
        randomUUID(),
        someone(whose).id,
      ]),
    makePasskey: (whose) =>
      insert(
        `passkey (user_id, credential, public_key, counter, transports, name, created_at) VALUES ($1, $2, '', 0, '{}', 'Key', now())`,
        [someone(whose).id, randomUUID()],
      ),
    async makeInvite() {
      const { invite } = await administration.createInvite({ role: 'member', uses: 1, expiresAt: Date.now() + 60_000 }, byRoot);
      return invite?.id as string;
    },
    async stop() {
      await admin.end();
      const closing = sockets.close();
      await local.stop();
      await closing;
      await database.drop();
    },
  };
}

function routesOf(method: string | string[], url: string): string[] {
  return [method].flat().flatMap((each) => (each === 'HEAD' ? [] : [`${each} ${url}`]));
}

async function listenForSockets(delivery: Delivery): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer().on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    delivery.upgrade(request, stream, head);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/socket`;
  return { url, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
