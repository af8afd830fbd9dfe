import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from './conditions.ts';
import { kubectl } from './kubectl.ts';
import { stateFile } from './state-folder.ts';

const run = promisify(execFile);
const UP = join(import.meta.dirname, '../up/up.sh');
const AWAY_MS = 60_000;

/** Kills the API server, without a word to its clients. Only where `npm run cluster:up` started it. */
export async function killApiServer(): Promise<void> {
  const [pid = ''] = (await readFile(stateFile('run', 'apiserver.pid'), 'utf8')).split(' ');
  process.kill(Number(pid), 'SIGKILL');
  await waitUntil('the API to be away', AWAY_MS, () =>
    kubectl(['get', '--raw', '/readyz', '--request-timeout=2s']).then(
      () => false,
      () => true,
    ),
  );
}

/** Starts what does not run of the cluster, and resolves when the API answers. */
export async function startApiServer(): Promise<void> {
  await run('bash', [UP, '--without-images'], { maxBuffer: 64 * 1024 * 1024 });
}
