import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isOwnCluster, stateFile } from './state-folder.ts';

/** Starts a kubectl that goes on, such as one that follows a log, and hears each line that it prints. */
export function startKubectl(args: string[], hear: (line: string) => void): ChildProcess {
  const child = spawn(isOwnCluster ? stateFile('kubectl') : 'kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', hear);
  return child;
}
