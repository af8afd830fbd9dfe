import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { createTestDatabase } from '@starling/testing/database';
import { waitFor } from '@starling/testing/wait-for';
import { expect, inject, onTestFinished, test } from 'vitest';
import { attachDatabase, StartError } from './index.ts';
import { query } from './test-starter.ts';

const limit = 30_000;

async function makeDatabase(): Promise<string> {
  const { url, drop } = await createTestDatabase();
  onTestFinished(drop);
  return url;
}

function attach(url: string) {
  return attachDatabase({ url, say: () => undefined });
}

async function refusal(url: string): Promise<string> {
  const error: unknown = await attach(url).then(
    () => new Error('it was attached'),
    (refused: unknown) => refused,
  );
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message;
}

function change(url: string, changes: Partial<URL>): string {
  return Object.assign(new URL(url), changes).href;
}

test('one Starling owns a database, until it stops', { timeout: limit }, async () => {
  const url = await makeDatabase();
  const first = await attach(url);
  expect(first.url).toBe(url);
  const { hostname, port, pathname } = new URL(url);
  expect(await refusal(url)).toBe(
    `Another Starling is running on the database "${pathname.slice(1)}" on ${hostname}:${port} (pid ${process.pid}): stop it, or use another database.`,
  );
  await first.stop();
  const second = await attach(url);
  await second.stop();
});

test('databases of one server are owned apart', async () => {
  const owned = await Promise.all([attach(await makeDatabase()), attach(await makeDatabase())]);
  await Promise.all(owned.map((database) => database.stop()));
});

test('the loss of the ownership is reported once, a stop is not', async () => {
  const url = await makeDatabase();
  const lost: string[] = [];
  const stopped = await attach(url);
  stopped.onLost((reason) => lost.push(reason));
  await stopped.stop();
  expect(lost).toEqual([]);
  const broken = await attach(url);
  broken.onLost((reason) => lost.push(reason));
  await query(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'starling pid %'`,
  );
  await waitFor(() => lost.length > 0, { describe: 'the report' });
  await broken.stop();
  expect(lost).toEqual([expect.stringMatching(/^The connection that owns the database "test_.*" on .* was lost\.$/)]);
  // The lock went with the connection.
  await (await attach(url)).stop();
});

test('a value that is no URL of PostgreSQL is refused without being shown', async () => {
  const message = 'The value of --database is not a PostgreSQL URL: write postgres://user:password@host:5432/database.';
  expect(await refusal('host=x password=sesame')).toBe(message);
  expect(await refusal('mysql://root:sesame@localhost/chat')).toBe(message);
});

test('a wrong password and an unknown user are refused without the password', async () => {
  const user = `guest_${randomBytes(4).toString('hex')}`;
  const url = change(await makeDatabase(), { username: user, password: 'sesame' });
  const message = await refusal(url);
  expect(message).toMatch(new RegExp(`^The server .* refuses the user "${user}": check the user and the password`));
  expect(message).not.toContain('sesame');
});

test('a missing database is named', async () => {
  const { host } = new URL(inject('postgresUrl'));
  expect(await refusal(change(inject('postgresUrl'), { pathname: '/nowhere' }))).toBe(
    `There is no database "nowhere" on ${host}: make it with CREATE DATABASE, or name another one in --database.`,
  );
});

test('a server that cannot be reached is named', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  expect(await refusal(`postgres://chat:sesame@127.0.0.1:${port}/chat`)).toBe(
    `No PostgreSQL server answers on 127.0.0.1:${port} (ECONNREFUSED): check the host and the port in --database, and that it is running.`,
  );
});

test('a server that accepts and never answers is named in time', { timeout: limit }, async () => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  expect(await refusal(`postgres://chat:sesame@127.0.0.1:${port}/chat`)).toMatch(
    /^No PostgreSQL server answers on 127\.0\.0\.1:\d+ \(.*timeout.*\): check/,
  );
});

test('a database that does not store UTF-8 is refused', async () => {
  const server = inject('postgresUrl');
  const name = `test_latin_${randomBytes(4).toString('hex')}`;
  await query(server, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'`);
  onTestFinished(async () => void (await query(server, `DROP DATABASE ${name} WITH (FORCE)`)));
  expect(await refusal(change(server, { pathname: `/${name}` }))).toMatch(
    new RegExp(`^The database "${name}" on .* stores text as LATIN1, and Starling needs UTF8: `),
  );
});
