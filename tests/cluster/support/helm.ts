import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MODULE = 'helm.sh/helm/v3/cmd/helm@v3.22.0';
const FOLDER = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'starling', 'tools');

/** The path of helm: the one that HELM names, or one that Go builds once, from the module proxy, into the cache. */
export async function ensureHelm(): Promise<string> {
  const { HELM } = process.env;
  if (HELM) return HELM;
  const path = join(FOLDER, 'helm');
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) {
    await mkdir(FOLDER, { recursive: true });
    await run('go', ['install', MODULE], { env: { ...process.env, GOBIN: FOLDER, GOFLAGS: '-mod=mod' }, maxBuffer: 64 * 1024 * 1024 });
  }
  return path;
}
