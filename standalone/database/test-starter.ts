import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@starling/testing/wait-for';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';

/** An empty folder that every user may enter; it is deleted when the test ends. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-database-test-'));
  await chmod(folder, 0o711);
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

export async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

/** The process id of the server of a data directory. */
export async function readServerPid(directory: string): Promise<number> {
  return Number.parseInt(await readFile(join(directory, 'postgres', 'postmaster.pid'), 'utf8'), 10);
}

/** A process of its own that starts the database of a directory and keeps it until it is told to stop. */
export interface Starter {
  process: ChildProcess & { pid: number };
  /** Waits until it has started (`url`) or was refused (`refusal`). */
  outcome(): Promise<{ url?: string; refusal?: string }>;
  /** Lets it stop its database and end. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const program = `
  process.umask(Number(process.argv[2]));
  const { startDatabase } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
  try {
    const database = await startDatabase({ directory: process.argv[1], say: () => {} });
    process.once('SIGTERM', async () => { await database.stop(); process.exit(); });
    process.stdout.write(JSON.stringify({ url: database.url }) + '\\n');
    setInterval(() => {}, 1000);
  } catch (error) {
    process.stdout.write(JSON.stringify({ refusal: error.name + ': ' + error.message }) + '\\n');
  }
`;

export function spawnStarter(
  directory: string,
  { umask = 0o022, ...identity }: { uid?: number; gid?: number; umask?: number } = {},
): Starter {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, directory, String(umask)], {
    ...identity,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = once(child, 'exit');
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  onTestFinished(() => (child.exitCode === null && child.signalCode === null ? end('SIGTERM') : undefined));
  if (child.pid === undefined) throw new Error('the starter did not start');
  return {
    process: Object.assign(child, { pid: child.pid }),
    async outcome() {
      const line = await waitFor(() => output.includes('\n') && output, { deadline: 30_000, describe: 'the outcome of a start' });
      return JSON.parse(line) as { url?: string; refusal?: string };
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}
