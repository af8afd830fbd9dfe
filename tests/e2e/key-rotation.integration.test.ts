import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '@starling/client';
import type { IssuedTokensReply } from '@starling/contracts/http';
import type { Cursor } from '@starling/contracts/log';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type Account, call, logIn, logInAtBrowser, makeAccount, openSocket, PASSWORD, readCursor, refresh } from './program.ts';
import { Traffic } from './traffic.ts';

const REPLACE_KEYS = fileURLToPath(new URL('../../standalone/replace-keys.ts', import.meta.url));
/** The least that there is. */
const ROTATE_SECONDS = 20;

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
    services = await startStarlingServices({
      brokers: brokers.brokers,
      databaseUrl: database.url,
      args: ['--rotate-keys', String(ROTATE_SECONDS)],
    });
    ({ url } = services);
    [ann, bob] = [await makeAccount(url, 'Ann'), await makeAccount(url, 'Bob')];
    const { token } = await logIn(url, ann);
    group = await waitFor(async () => {
      const headers = { 'idempotency-key': v7() };
      const reply = await call(url, 'POST', '/v1/conversations', { token, headers, body: { name: 'Keys', participants: [bob.user] } });
      return reply.status === 201 && ((await reply.json()) as { id: string }).id;
    });
    cursor = await readCursor(url, token);
  }, 180_000);
  afterAll(async () => {
    await services?.stop();
    await database?.drop();
  }, 60_000);

  it('200 messages a second go on through rotations: no request fails, and no socket closes', async () => {
    const sessions = [await logIn(url, ann), await logIn(url, bob)];
    const browser = { cookie: await logInAtBrowser(url, ann), origin: url, 'x-starling-request': '1' };
    // Two for each pod.
    const sockets = [];
    for (const { token } of [...sessions, ...sessions]) sockets.push(await openSocket(url, token, cursor));
    onTestFinished(() => {
      for (const socket of sockets) socket.terminate();
    });
    const path = `/v1/conversations/${group}/messages`;
    const traffic = new Traffic({ perSecond: 200, conversation: group, sockets, posts: [] });
    traffic.post = (body) => call(url, 'POST', path, { body, ...(Math.random() < 0.5 ? { headers: browser } : { token: sessions[0]?.token ?? '' }) });
  }, 90_000);
});
