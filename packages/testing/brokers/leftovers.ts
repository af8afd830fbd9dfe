import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folders of brokers are named by this and the process that made them. */
export const FOLDER_PREFIX = 'starling-test-kafka-';

/** Ends the brokers of killed test runs, and deletes their folders. */
export function sweepLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const maker = Number.parseInt(name.slice(FOLDER_PREFIX.length), 10);
    if (maker === process.pid || isRunning(maker)) continue;
    const folder = join(tmpdir(), name);
    for (const pid of readPids(folder)) if (isBrokerOf(pid, folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function readPids(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.pid'))
    .map((name) => Number(readFileSync(join(folder, name), 'utf8')));
}

/** A process id may have been given to another process since. */
function isBrokerOf(pid: number, folder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
