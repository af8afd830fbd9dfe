import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDatabase } from '@starling/standalone/database';
import type { TestProject } from 'vitest/node';
import './provided.ts';

const folderPrefix = 'starling-test-postgres-';

/** Tests need no durability, and many of them connect at once. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '300',
};

/** Provides `postgresUrl`: the server of TEST_POSTGRES_URL if that is set, else one embedded server for the whole run. */
export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['TEST_POSTGRES_URL'];
  if (given) {
    project.provide('postgresUrl', given);
    return undefined;
  }
  sweep();
  const directory = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  // As root the server runs as another user, who must get in.
  await chmod(directory, 0o711);
  const cancel = cleanUpAtExit(directory);
  const database = await startDatabase({ directory, say: () => undefined, settings });
  project.provide('postgresUrl', database.url);
  return async () => {
    await database.stop();
    cancel();
    remove(directory);
  };
}

/** Cleans up if the run ends without a teardown, as after Ctrl-C. Returns what takes that back. */
function cleanUpAtExit(directory: string): () => void {
  const cleanUp = () => remove(directory);
  const onSignal = (signal: NodeJS.Signals) => {
    cleanUp();
    cancel();
    // Whoever else listens decides how the process ends; without a listener it ends by the signal itself.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const cancel = () => {
    process.off('exit', cleanUp);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', cleanUp);
  for (const signal of signals) process.on(signal, onSignal);
  return cancel;
}

/** Removes what killed runs left behind. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue;
    const maker = Number.parseInt(name.slice(folderPrefix.length), 10);
    if (maker === process.pid || !isRunning(maker)) remove(join(tmpdir(), name));
  }
}

/** Ends the server of the directory, if one lives, and deletes the directory. Synchronous, since it also runs while the process exits. */
function remove(directory: string): void {
  const lockFile = join(directory, 'postgres', 'postmaster.pid');
  try {
    const pid = Number.parseInt(readFileSync(lockFile, 'utf8'), 10);
    if (pid > 0) process.kill(pid, 'SIGQUIT');
    // It deletes files while it ends, and a deletion beside that would stop half-way without an error.
    const deadline = Date.now() + 3000;
    while (existsSync(lockFile) && Date.now() < deadline) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  } catch {
    // There is no server.
  }
  rmSync(directory, { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
