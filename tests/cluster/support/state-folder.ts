import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `npm run cluster:up` keeps what it makes: STARLING_CLUSTER, or the cache of the user. */
export const STATE_FOLDER =
  process.env['STARLING_CLUSTER'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'starling', 'cluster');

/** The cluster is the one of `cluster:up`, and not one that `kubectl` finds by itself, such as kind's. */
export const isOwnCluster = existsSync(join(STATE_FOLDER, 'kubectl'));

/** A file of the state; only for what other clusters do not offer. Throws elsewhere. */
export function stateFile(...path: string[]): string {
  if (!isOwnCluster) throw new Error(`this test needs the cluster of \`npm run cluster:up\`: there is none in ${STATE_FOLDER}`);
  return join(STATE_FOLDER, ...path);
}
