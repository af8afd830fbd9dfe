import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { epochOf } from '@starling/contracts/log';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createTestLogs } from '../../packages/platform/log/kafka/test-logs.ts';
import { call, logIn, makeAccount, openSocket, readCursor } from './program.ts';

const EXPAND = fileURLToPath(new URL('../../processes/expand.ts', import.meta.url));
const TOPICS = ['conversations', 'receipts', 'users'].map((topic) => `chat.${topic}.1`);

await describeWithOwnBrokers('a log that is lost', { count: 1 }, (brokers) => {
  let database: TestDatabase;
  let folder: string;
  let services: StarlingServices | undefined;
  beforeAll(async () => {
    [database, folder] = await Promise.all([createTestDatabase(), mkdtemp(join(tmpdir(), 'starling-lost-'))]);
  });
  afterAll(async () => {
    await services?.stop();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  async function file(name: string, text: string): Promise<string> {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  }

  /** The Job before an upgrade, as an operator runs it. */
  async function expand(changes: { epoch: number; logExpected: boolean }): Promise<{ result: string; reason?: string }> {
    const { hostname, port, pathname, username, password } = new URL(database.url);
    const config = {
      database: {
        host: hostname,
        port: Number(port),
        database: pathname.slice(1),
        administrator: { usernameFile: await file('user', username), passwordFile: await file('password', decodeURIComponent(password)) },
      },
      kafka: { brokers: brokers.brokers },
      rootSecretFile: await file('root', 'the root of all passwords'),
      partitions: { conversations: 4, receipts: 4, users: 4 },
      ...changes,
    };
    const result = join(folder, 'result');
    const args = [EXPAND, '--config', await file('config.json', JSON.stringify(config)), '--result', result];
    await once(spawn(process.execPath, args, { stdio: 'ignore' }), 'exit');
    return JSON.parse(await readFile(result, 'utf8'));
  }

  const start = () => startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, delivery: 1 });

  it('is followed by a new one: history is there, and chat goes on', { timeout: 240_000 }, async () => {
    services = await start();
    let { url } = services;
    const [ann, bob] = [await makeAccount(url, 'Ann'), await makeAccount(url, 'Bob')];
    let { token } = await logIn(url, ann);
    const group = await waitFor(async () => {
      const body = { name: 'Still here', participants: [bob.user] };
      const reply = await call(url, 'POST', '/v1/conversations', { token, body, headers: { 'idempotency-key': v7() } });
      return reply.status === 201 && ((await reply.json()) as { id: string }).id;
    });
    const post = async (body: string) => {
      const reply = await call(url, 'POST', `/v1/conversations/${group}/messages`, { token, body: { client: v7(), body } });
      expect(reply.status).toBe(201);
      return ((await reply.json()) as { position: number }).position;
    };
    const history = async () => {
      const reply = await call(url, 'GET', `/v1/conversations/${group}/messages`, { token });
      return ((await reply.json()) as { messages: { body: string }[] }).messages?.map(({ body }) => body);
    };
    for (const body of ['one', 'two', 'three']) await post(body);
    await waitFor(async () => (await history()).length === 3);
    const cursor = await readCursor(url, token);
    expect(cursor.epoch).toBe(1);
    await services.stop();

    const logs = await createTestLogs(brokers.brokers);
    onTestFinished(() => logs.close());
    await logs.admin.deleteTopics({ topics: TOPICS });
    await waitFor(async () => !(await logs.admin.listTopics()).some((name) => TOPICS.includes(name)));
    expect(await expand({ epoch: 1, logExpected: true })).toMatchObject({ result: 'refused', reason: 'LogLost' });
    expect(await expand({ epoch: 2, logExpected: false })).toMatchObject({ result: 'done', epoch: 2 });

    services = await start();
    ({ url } = services);
    ({ token } = await logIn(url, ann));
    expect(await waitFor(history)).toEqual(['one', 'two', 'three']);
    // Nothing of the old log is gone on from.
    await expect(openSocket(url, token, cursor)).rejects.toThrow('before it was live');
    const now = await readCursor(url, token);
    expect(now.epoch).toBe(2);
    const socket = await openSocket(url, token, now);
    onTestFinished(() => socket.terminate());
    expect(await socket.post(group, 'four')).toBe('ack');
    expect(epochOf(await post('five'))).toBe(2);
    await waitFor(async () => (await history()).length === 5);
    expect(await history()).toEqual(['one', 'two', 'three', 'four', 'five']);
    // A member who is new since then, whose facts are of the new log alone.
    const eve = await makeAccount(url, 'Eve');
    await waitFor(async () => {
      const headers = { 'idempotency-key': v7() };
      return (await call(url, 'PUT', `/v1/conversations/${group}/participants/${eve.user}`, { token, body: {}, headers })).ok;
    });
    const own = (await logIn(url, eve)).token;
    const hers = await openSocket(url, own, await readCursor(url, own));
    onTestFinished(() => hers.terminate());
    expect(await hers.post(group, 'six')).toBe('ack');
  });
});
