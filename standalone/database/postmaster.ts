import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { open, readFile, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errorCode, readIfPresent } from './data-directory.ts';
import { identity, type ServerUser } from './server-user.ts';

const run = promisify(execFile);
const pollInterval = 20;

/** What `postmaster.pid` says of the server that runs on a cluster. */
export interface Postmaster {
  pid: number;
  /** 0 until the server has written it */
  port: number;
  /** `starting`, `ready`, `stopping`, `standby`; empty until the server has written it */
  status: string;
}

/** The server that lives on this cluster; undefined: none, though its file may be left. */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const postmaster = parsePostmaster(await readIfPresent(lockFile(cluster)));
  return postmaster && (await runsOn(cluster, postmaster.pid)) ? postmaster : undefined;
}

/** @internal */
export function parsePostmaster(text: string | undefined): Postmaster | undefined {
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3]) || 0, status: lines[7]?.trim() ?? '' };
}

/** Whether the process is a PostgreSQL server of this cluster, and not another program that got a dead server's id. */
async function runsOn(cluster: string, pid: number): Promise<boolean> {
  if (!isRunning(pid)) return false;
  if (process.platform === 'win32') return true;
  try {
    if (process.platform === 'linux') {
      const [name, folder, home] = await Promise.all([
        readFile(`/proc/${pid}/comm`, 'utf8'),
        readlink(`/proc/${pid}/cwd`),
        realpath(cluster),
      ]);
      return name.trim() === 'postgres' && folder === home;
    }
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout.includes('postgres') && stdout.includes(cluster);
  } catch {
    // It ended meanwhile, or belongs to someone who cannot be running our server.
    return false;
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** Ended, and not yet taken note of by its parent; only Linux tells. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * Takes away the file of a dead server, which would stop a new one if its process id was given to another program meanwhile. Returns whether
 * there was one: the server had not ended cleanly.
 */
export async function removeStaleFile(cluster: string): Promise<boolean> {
  const aside = `${lockFile(cluster)}.stale-${process.pid}`;
  try {
    await rename(lockFile(cluster), aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
  const moved = parsePostmaster(await readFile(aside, 'utf8'));
  if (moved && (await runsOn(cluster, moved.pid))) {
    // Another Starling started its server between our look and the rename. (Even without the file PostgreSQL would not run twice on one
    // cluster: its shared memory tells.)
    await rename(aside, lockFile(cluster));
    return false;
  }
  await rm(aside, { force: true });
  return true;
}

/** A server that we started. */
export interface StartedServer {
  pid: number;
  port: number;
}

/** Why a server that we started ended before it was ready: the text of its log since its start. */
export interface FailedServer {
  log: string;
}

/** Starts the server on a free port of 127.0.0.1 and waits until it accepts connections, however long its recovery takes. */
export async function startPostmaster(
  postgres: string,
  {
    cluster,
    log,
    user,
    settings,
    signal,
    onSlow,
  }: {
    cluster: string;
    log: string;
    user: ServerUser | undefined;
    settings: Record<string, string>;
    signal: AbortSignal | undefined;
    /** called every 10 s until the server is ready */
    onSlow(): void;
  },
): Promise<StartedServer | FailedServer> {
  const port = await findFreePort();
  const all = { listen_addresses: '127.0.0.1', port: String(port), ...settings };
  const parameters = ['-D', cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const begin = await rotateLog(log);
  const output = await open(log, 'a', 0o600);
  let child: ChildProcess;
  try {
    // Detached: Ctrl-C in the terminal would otherwise reach the server before Starling has ended its work.
    child = spawn(postgres, parameters, {
      ...identity(user),
      env: { LC_ALL: 'C', TZ: 'UTC' },
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
  } finally {
    await output.close();
  }
  child.unref();
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  let slowAt = Date.now() + 10_000;
  while (!ended) {
    if (signal?.aborted) {
      if (child.pid !== undefined) await endPostmaster(cluster, child.pid, 2000);
      signal.throwIfAborted();
    }
    const found = parsePostmaster(await readIfPresent(lockFile(cluster)));
    if (found && found.pid === child.pid && found.status === 'ready') return { pid: found.pid, port };
    if (Date.now() > slowAt) {
      slowAt += 10_000;
      onSlow();
    }
    await delay(pollInterval);
  }
  return { log: await readFrom(log, begin) };
}

/** Ends a server: open transactions are rolled back; after `patience` ms it ends at once and recovers at its next start. Returns after at most 1 s more. */
export async function endPostmaster(cluster: string, pid: number, patience: number): Promise<void> {
  if (!signalProcess(pid, 'SIGINT') || (await ends(cluster, pid, patience))) return;
  if (signalProcess(pid, 'SIGQUIT')) await ends(cluster, pid, 1000);
}

function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function ends(cluster: string, pid: number, patience: number): Promise<boolean> {
  const deadline = Date.now() + patience;
  // A process that has ended but that nobody has collected, as happens in containers, still has an id.
  while (await runsOn(cluster, pid)) {
    if (Date.now() > deadline) return false;
    await delay(pollInterval);
  }
  return true;
}

function lockFile(cluster: string): string {
  return join(cluster, 'postmaster.pid');
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}

/** Keeps the log from growing for ever: past 10 MB it becomes the one old log. Returns where the next start begins in it. */
async function rotateLog(log: string): Promise<number> {
  const size = await stat(log).then(
    (found) => found.size,
    () => 0,
  );
  if (size < 10_000_000) return size;
  await rename(log, `${log}.old`);
  return 0;
}

async function readFrom(log: string, begin: number): Promise<string> {
  return (await readFile(log)).subarray(begin).toString('utf8');
}
