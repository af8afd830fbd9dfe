import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.ts';
import { type DataDirectory, diskFull, errorCode, explain, readIfPresent, syncFolder, tellsFullDisk } from './data-directory.ts';
import { isRunning } from './postmaster.ts';
import { identity, type ServerUser } from './server-user.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

/** The superuser of every cluster that we make. */
export const superuser = 'postgres';

const draftPrefix = 'postgres.new-';

/** The major version of the cluster; undefined: there is none yet. Throws StartError. */
export async function readClusterVersion(data: DataDirectory): Promise<number | undefined> {
  try {
    const version = await readIfPresent(join(data.cluster, 'PG_VERSION'));
    if (version !== undefined) return Number(version);
    const others = await readdir(data.cluster).catch((error) => {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    });
    if (others.length === 0) return undefined;
  } catch (error) {
    throw explain(error, data.root);
  }
  throw new StartError(`${data.cluster} is not a PostgreSQL cluster: restore it from the backup, or choose another folder with --data.`);
}

/**
 * Makes the cluster. It appears under its name only when it is complete, so a kill at any moment leaves either none or a whole one; of two
 * Starlings that make it at once, one wins. Throws StartError.
 */
export async function createCluster(
  data: DataDirectory,
  {
    binaries,
    user,
    password,
    sync,
    signal,
  }: { binaries: Binaries; user: ServerUser | undefined; password: string; sync: boolean; signal: AbortSignal | undefined },
): Promise<void> {
  const draft = join(data.root, `${draftPrefix}${process.pid}-${randomBytes(4).toString('hex')}`);
  const cluster = join(draft, 'cluster');
  const passwordFile = join(draft, 'password');
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (user !== undefined) {
      await chown(passwordFile, user.uid, user.gid);
      await chown(draft, user.uid, user.gid);
    }
    await initialise(data, binaries.initdb, { user, sync, signal }, [`--pgdata=${cluster}`, `--pwfile=${passwordFile}`]);
    await rename(cluster, data.cluster);
    await syncFolder(data.root);
  } catch (error) {
    // Another Starling was quicker: its cluster is as good as ours.
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw explain(error, data.root);
  } finally {
    // An initdb that was interrupted goes on writing for a moment.
    await rm(draft, { recursive: true, force: true, maxRetries: 30, retryDelay: 100 }).catch(() => undefined);
  }
}

/** Deletes what a killed first start left behind. */
export async function removeDrafts(data: DataDirectory): Promise<void> {
  for (const name of await readdir(data.root)) {
    if (!name.startsWith(draftPrefix)) continue;
    const maker = Number.parseInt(name.slice(draftPrefix.length), 10);
    // Its initdb may still be running and writing; what cannot be deleted now is deleted at a later start.
    // In a container each start may get the same process id, so a draft with our id is an old one: ours does not exist yet.
    if (maker === process.pid || !isRunning(maker)) {
      await rm(join(data.root, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

async function initialise(
  data: DataDirectory,
  initdb: string,
  { user, sync, signal }: { user: ServerUser | undefined; sync: boolean; signal: AbortSignal | undefined },
  places: string[],
): Promise<void> {
  // The builtin locale compares and folds the same on every machine. The character classes of full-text search still come from the system's
  // locale, and only some systems have one for UTF-8 without a language.
  for (const characters of ['C.UTF-8', 'en_US.UTF-8', 'C']) {
    const parameters = [
      ...places,
      `--username=${superuser}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      `--lc-ctype=${characters}`,
      '--text-search-config=simple',
      ...(sync ? [] : ['--no-sync']),
    ];
    try {
      await run(initdb, parameters, {
        ...identity(user),
        env: { LC_ALL: 'C', TZ: 'UTC' },
        ...(signal && { signal }),
        killSignal: 'SIGTERM',
      });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      if (tellsFullDisk(output)) throw diskFull(data.root);
      if (!/invalid locale name|locale .* could not be/.test(output) || characters === 'C') {
        throw new StartError(`The database in ${data.root} could not be made: ${lastComplaint(output)}`);
      }
    }
  }
}

/** The line of PostgreSQL's output that says what went wrong, as the rest of a sentence. */
export function lastComplaint(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const complaint = lines.findLast((line) => /(FATAL|PANIC|error):/.test(line)) ?? lines.at(-1) ?? 'no reason was given';
  return `${complaint
    .replace(/^.*?(FATAL|PANIC|error):\s*/, '')
    .trim()
    .replace(/\.$/, '')}.`;
}
