import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@starling/client';
import type { IssuedTokensReply } from '@starling/contracts/http';
import type { Cursor } from '@starling/contracts/log';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { systemClock } from '@starling/platform/clock';
import { createLogger } from '@starling/platform/telemetry';
import { createMinter, keyFile, openSigningKeys } from '@starling/platform/tokens';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import {
  type Account,
  call,
  logIn,
  logInAtBrowser,
  makeAccount,
  openSocket,
  PASSWORD,
  type ProgramSocket,
  readCursor,
  refresh,
} from './program.ts';
import { startSteadyLoad } from './steady-load.ts';

const REPLACE_KEYS = fileURLToPath(new URL('../../standalone/replace-keys.ts', import.meta.url));
/** The least that there is. */
const ROTATE_SECONDS = 20;
const ROTATIONS = 2;

await describeWithOwnBrokers('signing keys that change, with a process for each service', { count: 1 }, (brokers) => {
  let database: TestDatabase;
  let services: StarlingServices;
  let url: string;
  let ann: Account;
  let bob: Account;
  let group: string;
  let cursor: Cursor;

  beforeAll(async () => {
    database = await createTestDatabase();
    const args = ['--rotate-keys', String(ROTATE_SECONDS)];
    services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, args });
    ({ url } = services);
    [ann, bob] = [await makeAccount(url, 'Ann'), await makeAccount(url, 'Bob')];
    const { token } = await logIn(url, ann);
    const body = { name: 'Keys', participants: [bob.user] };
    group = await waitFor(async () => {
      const reply = await call(url, 'POST', '/v1/conversations', { token, body, headers: { 'idempotency-key': v7() } });
      return reply.status === 201 && ((await reply.json()) as { id: string }).id;
    });
    cursor = await readCursor(url, token);
  }, 180_000);
  afterAll(async () => {
    await services?.stop();
    await database?.drop();
  }, 60_000);

  async function expectStatus(expected: number, answering: Promise<Response>): Promise<void> {
    const reply = await answering;
    const text = await reply.text();
    if (reply.status !== expected) throw new Error(`it was answered ${reply.status}: ${text}`);
  }

  function post(credentials: { token?: string; headers?: Record<string, string> }, body: string): Promise<void> {
    const answering = call(url, 'POST', `/v1/conversations/${group}/messages`, { ...credentials, body: { client: v7(), body } });
    return expectStatus(201, answering);
  }

  it('by rotation: with 200 messages a second, no request fails, and no socket closes', async () => {
    const holders = [await logIn(url, ann), await logIn(url, bob)] as [IssuedTokensReply, IssuedTokensReply];
    const browser = { headers: { cookie: await logInAtBrowser(url, ann), origin: url, 'x-starling-request': '1' } };
    const sockets: ProgramSocket[] = [];
    onTestFinished(() => {
      for (const socket of sockets) socket.terminate();
    });
    // Two for each pod.
    for (const { token } of [...holders, ...holders]) sockets.push(await openSocket(url, token, cursor));

    const kids = new Set([kidOf(holders[0].token)]);
    const renewing = startSteadyLoad({
      perSecond: 2,
      atOnce: 1,
      async act(number) {
        const which = number % holders.length;
        const reply = await refresh(url, holders[which]?.refreshToken ?? '');
        if (reply.status !== 200) throw new Error(`the refresh was answered ${reply.status}: ${await reply.text()}`);
        const held = (await reply.json()) as IssuedTokensReply;
        holders[which] = held;
        kids.add(kidOf(held.token));
        for (const socket of sockets.filter((_socket, index) => index % holders.length === which)) {
          const answer = await socket.ask({ type: 'authenticate', token: held.token }, (frame) => frame.type === 'authenticated');
          if (answer === 'closed') throw new Error('a new token closed its socket');
        }
        await expectStatus(200, call(url, 'GET', `/v1/conversations/${group}/messages?limit=1`, { token: held.token }));
      },
    });
    const bySocket = startSteadyLoad({
      perSecond: 100,
      atOnce: 100,
      async act(number) {
        const answer = await sockets[number % sockets.length]?.post(group, `by socket ${number}`);
        if (answer !== 'ack') throw new Error(`a message by socket came to ${answer}`);
      },
    });
    const byRequest = startSteadyLoad({
      perSecond: 100,
      atOnce: 50,
      act: (number) => post(number % 2 === 0 ? browser : { token: holders[0].token }, `by request ${number}`),
    });
    const loads = [renewing, bySocket, byRequest];
    try {
      await waitFor(() => kids.size > ROTATIONS || loads.some((load) => load.failures.length > 0), {
        deadline: (ROTATIONS + 2) * ROTATE_SECONDS * 1_000,
        describe: `${ROTATIONS} rotations`,
      });
    } finally {
      for (const load of loads) await load.stop();
    }
    expect(loads.flatMap((load) => load.failures)).toEqual([]);
    expect(sockets.map((socket) => socket.closed)).toEqual(sockets.map(() => undefined));
    for (const load of loads) expect(load.done).toBeGreaterThan(0);
  }, 120_000);

  it('in an emergency: what the stolen key signs is refused at once, and everybody goes on by themselves', async () => {
    const cookies = { headers: { cookie: await logInAtBrowser(url, bob) } };
    const client = createClient({ baseUrl: url, auth: { kind: 'password', email: ann.email, password: PASSWORD } });
    onTestFinished(() => client.stop());
    client.start();
    await waitFor(() => client.getState().connection === 'live');
    const before = await logIn(url, ann);
    const socket = await openSocket(url, before.token, cursor);
    onTestFinished(() => socket.terminate());

    const stolen = join(services.data, 'stolen.json');
    await copyFile(keyFile(join(services.data, 'keys'), 'identity'), stolen);
    const signing = await openSigningKeys({
      issuer: 'identity',
      file: stolen,
      clock: systemClock,
      logger: createLogger({ service: 'test' }),
    });
    onTestFinished(() => signing.close());
    const thief = createMinter({ signing, cluster: 'processes', clock: systemClock });
    const forge = async () => (await thief.mintUserToken({ user: ann.user, session: v7(), role: 'owner', scope: 'api socket' })).token;
    const statusWith = async (token: string) => (await call(url, 'GET', '/v1/users/me', { token })).status;
    expect(await statusWith(await forge())).toBe(200);

    // Whoever is there all the time: a browser that reads, and a program that reads and posts.
    const seen = new Set<number>();
    const browsing = startSteadyLoad({
      perSecond: 10,
      atOnce: 2,
      act: async () => void seen.add((await call(url, 'GET', '/v1/users/me', cookies)).status),
    });
    const reading = startSteadyLoad({ perSecond: 10, atOnce: 2, act: async () => void (await client.history(group, { limit: 1 })) });
    const posting = startSteadyLoad({
      perSecond: 10,
      atOnce: 20,
      async act(number) {
        const outcome = await client.send(group, `in an emergency ${number}`).outcome;
        if (outcome.status !== 'ok') throw new Error(`a message came to ${outcome.status}`);
      },
    });
    try {
      const replacing = spawn(process.execPath, [REPLACE_KEYS, '--data', services.data], { stdio: ['ignore', 'ignore', 'inherit'] });
      expect(await once(replacing, 'exit')).toEqual([0, null]);
      await waitFor(async () => (await statusWith(before.token)) === 401);
      await waitFor(async () => (await statusWith(await forge())) === 401);
      // Both pods, one after the other.
      for (const token of [await forge(), await forge(), before.token, before.token])
        await waitFor(async () => (await closeOf(url, token, cursor)) === CLOSE_CODES.unauthenticated.code);

      await waitFor(async () => {
        const reply = await refresh(url, before.refreshToken);
        return reply.status === 200 && (await statusWith(((await reply.json()) as IssuedTokensReply).token)) === 200;
      });
      await waitFor(async () => (await call(url, 'GET', '/v1/users/me', cookies)).status === 200);
    } finally {
      await Promise.all([browsing, reading, posting].map((load) => load.stop()));
    }
    // To come back in a moment is all that a browser is told: 401 would log its page out.
    expect([...seen].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    for (const load of [browsing, reading, posting]) {
      expect(load.failures).toEqual([]);
      expect(load.done).toBeGreaterThan(0);
    }
    expect(client.getState()).toMatchObject({ connection: 'live', failure: null });
    expect(await statusWith(before.token)).toBe(401);
  }, 90_000);
});

/** The id of the key that signed a token. */
function kidOf(token: string): string {
  const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  return header.kid;
}

/** The code with which a socket is closed that opens with this token; undefined: it stays open. */
async function closeOf(url: string, token: string, cursor: Cursor): Promise<number | undefined> {
  const socket = await openSocket(url, token, cursor).catch((error: Error) => Number(/closed with (\d+)/.exec(error.message)?.[1]));
  if (typeof socket === 'number') return socket;
  socket.terminate();
  return undefined;
}
