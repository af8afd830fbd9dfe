import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BenchError } from './scenario.ts';

/** Where `npm run bench:prepare` puts what it builds: outside of the tree, kept between checkouts. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'starling-bench');

const NODE_20 = join(CACHE, 'uwebsockets', 'node_modules');

/** What can be prepared, and where it lies afterwards. */
export const PREPARED = {
  centrifuge: join(CACHE, 'centrifuge'),
  k6: join(CACHE, 'bin', 'k6'),
  node20: join(NODE_20, '.bin', 'node'),
  uwebsockets: join(NODE_20, '@trufflesuite', 'uws-js-unofficial'),
};

/** The path of something prepared. Throws a {@link BenchError} that says how to prepare it. */
export function prepared(name: keyof typeof PREPARED): string {
  const path = PREPARED[name];
  if (!existsSync(path)) throw new BenchError(`${path} is missing: run "npm run bench:prepare" first`);
  return path;
}
