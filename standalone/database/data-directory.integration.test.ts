import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { installationFolder } from './binaries.ts';
import { explain, tellsFullDisk } from './data-directory.ts';
import { StartError, startDatabase } from './index.ts';
import { chooseServerUser, giveTo, proveReach } from './server-user.ts';
import { makeFolder, query, readServerPid, spawnStarter } from './test-starter.ts';

const limit = 60_000;
const isRoot = process.getuid?.() === 0;
/** A user without rights in our folders: what everyone but root is anyway. */
const ordinary = isRoot ? { uid: 65534, gid: 65534 } : {};

function refusal(directory: string, options: { requiredFreeBytes?: number } = {}): Promise<string> {
  return startDatabase({ directory, say: () => undefined, ...options }).then(
    async (database) => {
      await database.stop();
      return 'it started';
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(StartError);
      return (error as StartError).message;
    },
  );
}

test('a file in the place of the folder or above it is named', async () => {
  const file = join(await makeFolder(), 'file');
  await writeFile(file, '');
  expect(await refusal(file)).toBe(`The data folder ${file} cannot be made, because ${file} is a file: choose another folder with --data.`);
  const below = join(file, 'data');
  expect(await refusal(below)).toBe(
    `The data folder ${below} cannot be made, because ${file} is a file: choose another folder with --data.`,
  );
});

test('a folder that may not be written is named', { timeout: limit }, async () => {
  const folder = await makeFolder();
  await chmod(folder, 0o555);
  const { refusal } = await spawnStarter(folder, ordinary).outcome();
  expect(refusal).toBe(`StartError: No permission to use ${folder}: change its owner or mode, or choose another folder with --data.`);
  const below = join(folder, 'data');
  expect((await spawnStarter(below, ordinary).outcome()).refusal).toBe(
    `StartError: No permission to use ${folder}: change its owner or mode, or choose another folder with --data.`,
  );
});

test('a disk with too little space is refused before anything is made', async () => {
  const folder = await makeFolder();
  expect(await refusal(folder, { requiredFreeBytes: Number.MAX_SAFE_INTEGER })).toMatch(
    /^The disk of .* has only \d+ MB left: free at least 100 MB, or choose a folder on another disk with --data\.$/,
  );
  expect(await readdir(folder)).toEqual([]);
});

test('a disk that fills up meanwhile is the same refusal, whoever reports it', () => {
  const full = 'The disk of /data is full: free at least 100 MB, or choose a folder on another disk with --data.';
  expect(explain(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }), '/data')).toEqual(new StartError(full));
  expect(tellsFullDisk('initdb: error: could not write file "base/1": No space left on device')).toBe(true);
  expect(tellsFullDisk('FATAL:  could not open file "base/1": Permission denied')).toBe(false);
});

test('data of a newer format is refused and left as it is', async () => {
  const folder = await makeFolder();
  await writeFile(join(folder, 'starling.json'), '{"format":2,"more":true}');
  expect(await refusal(folder)).toBe(
    `The data in ${folder} was written by a newer Starling (data format 2, this version knows 1): update Starling, or choose another folder with --data.`,
  );
  expect(await readFile(join(folder, 'starling.json'), 'utf8')).toBe('{"format":2,"more":true}');
  expect(await readdir(folder)).toEqual(['starling.json']);
});

test.each(['', 'not JSON', 'null', '{}', '{"format":"1"}', '{"format":0}'])('a damaged format file is refused: %j', async (text) => {
  const folder = await makeFolder();
  await writeFile(join(folder, 'starling.json'), text);
  expect(await refusal(folder)).toBe(
    `${join(folder, 'starling.json')} is damaged: restore it from the backup, or choose another folder with --data.`,
  );
});

test('a cluster of another PostgreSQL is refused', async () => {
  const folder = await makeFolder();
  await mkdir(join(folder, 'postgres'));
  await writeFile(join(folder, 'postgres', 'PG_VERSION'), '17\n');
  expect(await refusal(folder)).toMatch(
    /^The database in .*\/postgres was made by PostgreSQL 17, and this Starling brings PostgreSQL 18: /,
  );
});

test('a folder postgres with something else in it is refused', async () => {
  const folder = await makeFolder();
  await mkdir(join(folder, 'postgres'));
  await writeFile(join(folder, 'postgres', 'letter.txt'), 'dear diary');
  expect(await refusal(folder)).toMatch(
    /\/postgres is not a PostgreSQL cluster: restore it from the backup, or choose another folder with --data\.$/,
  );
});

test('a cluster whose password is missing or of another one is refused, with its server ended', { timeout: limit }, async () => {
  const folder = await makeFolder();
  const database = await startDatabase({ directory: folder, say: () => undefined });
  const password = join(folder, 'secrets', 'database-password');
  await writeFile(password, 'another\n');
  const living = await refusal(folder);
  await database.stop();
  expect(living).toMatch(/^The password in .*\/secrets does not fit the database in /);
  expect(await refusal(folder)).toMatch(/^The password in .*\/secrets does not fit the database in /);
  await expect(readServerPid(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  await rm(password);
  expect(await refusal(folder)).toBe(`The password of the database is missing: restore ${password} from the backup of ${folder}.`);
});

test('the server never runs as root and owns its own folder alone', { timeout: limit }, async () => {
  const folder = await makeFolder();
  const database = await startDatabase({ directory: folder, say: () => undefined });
  onTestFinished(() => database.stop());
  const owner = (await stat(join(folder, 'postgres'))).uid;
  expect(owner).not.toBe(0);
  const status = await readFile(`/proc/${await readServerPid(folder)}/status`, 'utf8').catch(() => `Uid:\t${owner}`);
  expect(status).toMatch(new RegExp(`^Uid:\\t${owner}\\b`, 'm'));
  expect([(await stat(folder)).uid, (await stat(join(folder, 'secrets'))).uid]).toEqual([process.getuid?.(), process.getuid?.()]);
});

test('a way to the data that is closed to the user of the server is named', async () => {
  const closed = await mkdtemp(join(tmpdir(), 'starling-database-test-'));
  onTestFinished(() => rm(closed, { recursive: true, force: true }));
  const folder = join(closed, 'deeper', 'data');
  await mkdir(folder, { recursive: true });
  await chmod(closed, isRoot ? 0o700 : 0o000);
  const message = await refusal(folder);
  await chmod(closed, 0o700);
  if (isRoot) {
    expect(message).toMatch(/^The user \w+, who runs PostgreSQL because root may not, cannot reach the data in /);
    expect(message).toMatch(
      new RegExp(`, since ${closed} is closed to others: choose another folder with --data, or start Starling as a normal user\\.$`),
    );
  } else {
    expect(message).toBe(`No permission to use ${closed}: change its owner or mode, or choose another folder with --data.`);
  }
});

test('programs that do not run, or are closed to the user of the server, are named', async () => {
  const folder = await makeFolder();
  const installation = join(folder, 'closed', 'native');
  const binaries = { initdb: join(installation, 'bin', 'initdb'), postgres: join(installation, 'bin', 'postgres') };
  await mkdir(dirname(binaries.initdb), { recursive: true });
  for (const path of Object.values(binaries))
    await writeFile(path, '#!/bin/sh\necho "error while loading shared libraries" >&2\nexit 127\n');
  expect(installationFolder(binaries)).toBe(installation);
  const user = await chooseServerUser(join(folder, 'postgres'));
  await expect(proveReach(folder, binaries, user)).rejects.toThrow(
    `PostgreSQL in ${installation} does not run (error while loading shared libraries): run "npm rebuild" and start again.`,
  );
  await chmod(join(folder, 'closed'), 0o700);
  const elsewhere =
    user && `cannot reach the installed PostgreSQL in ${installation}, since ${join(folder, 'closed')} is closed to others: move`;
  await expect(proveReach(folder, binaries, user)).rejects.toThrow(elsewhere ?? 'does not run');
});

test('as root, the owner of an existing cluster runs it, and a cluster of root is given away', { timeout: limit }, async () => {
  const folder = await makeFolder();
  const first = await startDatabase({ directory: folder, say: () => undefined });
  await query(first.url, 'CREATE TABLE bird AS SELECT 1 AS id');
  await first.stop();
  const cluster = join(folder, 'postgres');
  const { uid } = await stat(cluster);
  expect((await chooseServerUser(cluster))?.uid ?? process.getuid?.()).toBe(uid);
  if (isRoot) {
    await giveTo(cluster, { name: 'root', uid: 0, gid: 0 });
    expect((await stat(cluster)).uid).toBe(0);
  }
  const next = await startDatabase({ directory: folder, say: () => undefined });
  onTestFinished(() => next.stop());
  expect(await query(next.url, 'SELECT id FROM bird')).toEqual([{ id: 1 }]);
  expect((await stat(cluster)).uid).toBe(uid);
});
