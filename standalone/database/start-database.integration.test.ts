import { spawn } from 'node:child_process';
import { access, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@starling/testing/wait-for';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { type Database, StartError, startDatabase } from './index.ts';
import { findPostmaster } from './postmaster.ts';
import { makeFolder, query, readServerPid, spawnStarter } from './test-starter.ts';

const limit = 60_000;

async function start(directory: string): Promise<Database & { lines: string[] }> {
  const lines: string[] = [];
  const database = await startDatabase({ directory, say: (line) => lines.push(line) });
  onTestFinished(() => database.stop());
  return { ...database, lines };
}

/** A process that has ended counts as gone, even if nobody has collected it yet. */
async function serverLives(directory: string): Promise<boolean> {
  return (await findPostmaster(join(directory, 'postgres'))) !== undefined;
}

async function drafts(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('postgres.new-'));
}

test('the first start makes a durable UTF-8 database, and the next one finds its content', { timeout: limit }, async () => {
  const directory = join(await makeFolder(), 'not', 'there', 'yet');
  const first = await start(directory);
  expect(first.lines).toEqual([expect.stringMatching(/^creating the database/), 'starting the database']);
  const settings = `SELECT current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync, current_setting('listen_addresses') AS address,
    current_setting('password_encryption') AS encryption, upper('ärger 🐦 ώρα') AS upper, to_tsvector('simple', '«Äpfel»…') @@ 'äpfel' AS words`;
  expect(await query(first.url, settings)).toEqual([
    { encoding: 'UTF8', fsync: 'on', address: '127.0.0.1', encryption: 'scram-sha-256', upper: 'ÄRGER 🐦 ΏΡΑ', words: true },
  ]);
  await query(first.url, 'CREATE TABLE bird AS SELECT 1 AS id');
  await first.stop();
  expect(await serverLives(directory)).toBe(false);

  const second = await start(directory);
  expect(second.lines).toEqual(['starting the database']);
  expect(await query(second.url, 'SELECT id FROM bird')).toEqual([{ id: 1 }]);
});

test('secrets are closed to others, and a wrong password is refused', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const { url } = await start(directory);
  const mode = async (...path: string[]) => (await stat(join(directory, ...path))).mode & 0o777;
  expect([await mode('secrets'), await mode('secrets', 'database-password'), await mode('postgres')]).toEqual([0o700, 0o600, 0o700]);
  expect(JSON.parse(await readFile(join(directory, 'starling.json'), 'utf8'))).toEqual({ format: 1 });
  const wrong = new URL(url);
  wrong.password = 'guess';
  await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
});

test('stop ends a server with work in progress within 4 s', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const database = await start(directory);
  const busy = new Client({ connectionString: database.url });
  busy.on('error', () => undefined);
  await busy.connect();
  const work = expect(busy.query('SELECT pg_sleep(60)')).rejects.toThrow();
  const lost: string[] = [];
  database.onLost((reason) => lost.push(reason));
  const begin = performance.now();
  await database.stop();
  expect(performance.now() - begin).toBeLessThan(4500);
  expect(await serverLives(directory)).toBe(false);
  expect(lost).toEqual([]);
  await work;
});

test('a server that does not end in time is ended at once, and its data is there at the next start', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const database = await start(directory);
  await query(database.url, 'CREATE TABLE bird AS SELECT 1 AS id');
  const backend = new Client({ connectionString: database.url });
  backend.on('error', () => undefined);
  await backend.connect();
  const { rows } = await backend.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  // A stopped backend answers no polite request, so the server waits for it.
  process.kill(rows[0]?.pid ?? 0, 'SIGSTOP');
  const begin = performance.now();
  await database.stop();
  expect(performance.now() - begin).toBeLessThan(4500);
  await waitFor(async () => !(await serverLives(directory)), { describe: 'the end of the server' });

  const next = await start(directory);
  expect(await query(next.url, 'SELECT id FROM bird')).toEqual([{ id: 1 }]);
});

test('the server that a killed Starling left behind is taken over and ended with the next one', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const killed = spawnStarter(directory);
  const { url = '' } = await killed.outcome();
  await query(url, 'CREATE TABLE bird AS SELECT 1 AS id');
  const pid = await readServerPid(directory);
  await killed.kill();
  expect(await serverLives(directory)).toBe(true);

  const next = await start(directory);
  expect(next.lines).toEqual([`taking over the database that a killed Starling left running (pid ${pid})`]);
  expect(next.url).toBe(url);
  expect(await query(next.url, 'SELECT id FROM bird')).toEqual([{ id: 1 }]);
  await next.stop();
  expect(await serverLives(directory)).toBe(false);
});

test('a directory in use by a living Starling is refused with its process id', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const living = spawnStarter(directory);
  const { url = '' } = await living.outcome();
  await expect(startDatabase({ directory, say: () => undefined })).rejects.toThrow(
    new StartError(
      `Another Starling is running on ${directory} (pid ${living.process.pid}): stop it, or choose another folder with --data.`,
    ),
  );
  expect(await query(url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
});

test('an owner that goes within 5 s makes room', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const living = spawnStarter(directory);
  const { url = '' } = await living.outcome();
  const next = start(directory);
  const waiting = `SELECT FROM pg_stat_activity WHERE application_name = 'starling pid ${process.pid}'`;
  await waitFor(async () => (await query(url, waiting)).length > 0, { describe: 'the next one to wait for the ownership' });
  await living.stop();
  expect(await query((await next).url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
});

test('two first starts at once: one owns the database, the other is refused', { timeout: limit }, async () => {
  const directory = join(await makeFolder(), 'data');
  const outcomes = await Promise.all([spawnStarter(directory).outcome(), spawnStarter(directory).outcome()]);
  const owner = outcomes.find(({ url }) => url !== undefined);
  const refused = outcomes.find(({ refusal }) => refusal !== undefined);
  expect(refused?.refusal).toMatch(/^StartError: Another Starling is running on /);
  expect(await query(owner?.url ?? '', 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  expect(await drafts(directory)).toEqual([]);
});

test('a server that was killed too recovers what was committed', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const killed = spawnStarter(directory);
  const { url = '' } = await killed.outcome();
  await query(url, 'CREATE TABLE bird AS SELECT 1 AS id');
  const pid = await readServerPid(directory);
  await killed.kill();
  process.kill(pid, 'SIGKILL');
  await waitFor(async () => !(await serverLives(directory)), { describe: 'the end of the server' });

  const next = await start(directory);
  expect(next.lines).toContain('the database was not shut down cleanly and recovers now');
  expect(await query(next.url, 'SELECT id FROM bird')).toEqual([{ id: 1 }]);
});

test('the file of a dead server whose process id another program got stops nobody', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const first = await start(directory);
  const file = join(directory, 'postgres', 'postmaster.pid');
  const lines = (await readFile(file, 'utf8')).split('\n');
  await first.stop();
  // PostgreSQL itself sees through the process of another user, so it must be one of the server's own user.
  const { uid, gid } = await stat(join(directory, 'postgres'));
  const other = spawn('sleep', ['60'], { stdio: 'ignore', uid, gid });
  onTestFinished(() => void other.kill());
  await writeFile(file, [other.pid, ...lines.slice(1)].join('\n'));
  const next = await start(directory);
  expect(await query(next.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
});

test('a kill in the middle of the first start leaves nothing that hinders the next one', { timeout: limit }, async () => {
  const directory = join(await makeFolder(), 'data');
  const killed = spawnStarter(directory);
  await waitFor(
    async () => {
      const [draft] = await drafts(directory);
      await access(join(directory, draft ?? '', 'cluster', 'PG_VERSION'));
      return true;
    },
    { deadline: 30_000, describe: 'a half-made cluster' },
  );
  await killed.kill();
  expect(await readdir(directory)).not.toContain('postgres');
  const next = await start(directory);
  expect(await query(next.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  await next.stop();
  await start(directory);
  expect(await drafts(directory)).toEqual([]);
});

test('an aborted start leaves neither a process nor a half-made cluster', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const abort = new AbortController();
  const starting = startDatabase({ directory, say: () => undefined, signal: abort.signal });
  const refused = expect(starting).rejects.toThrow('enough');
  await waitFor(async () => (await drafts(directory)).length > 0, { describe: 'the beginning of the cluster' });
  abort.abort(new Error('enough'));
  await refused;
  expect((await readdir(directory)).sort()).toEqual(['secrets', 'starling.json']);
});

test('the end of the server is reported once', { timeout: limit }, async () => {
  const directory = await makeFolder();
  const database = await start(directory);
  const lost: string[] = [];
  database.onLost((reason) => lost.push(reason));
  process.kill(await readServerPid(directory), 'SIGKILL');
  await waitFor(() => lost.length > 0, { describe: 'the report' });
  await database.stop();
  expect(lost).toEqual([expect.stringMatching(/^The (connection|database server) .* (lost|ended)/)]);
});

test('the end of the owning connection alone is reported', { timeout: limit }, async () => {
  const database = await start(await makeFolder());
  const lost: string[] = [];
  database.onLost((reason) => lost.push(reason));
  await query(
    database.url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'starling pid ${process.pid}'`,
  );
  await waitFor(() => lost.length > 0, { describe: 'the report' });
  expect(lost).toEqual([expect.stringMatching(/^The connection that owns the database in .* was lost\.$/)]);
});

test('under a strict umask the user who runs the server still gets to the folders that were made', { timeout: limit }, async () => {
  const directory = join(await makeFolder(), 'not', 'there');
  const starter = spawnStarter(directory, { umask: 0o077 });
  expect(await starter.outcome()).toEqual({ url: expect.any(String) });
});
