import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Bill, keepShipped } from './bill.ts';

const LARGEST = 64 * 1024 * 1024;

/** What is shipped of the tree in `folder`, as its package-lock.json tells: nothing needs to be installed. */
export async function makeBill(folder: string): Promise<Bill> {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: folder, maxBuffer: LARGEST });
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
  const needs = Object.entries(lock.packages).map(([path, locked]): [string, string[]] => {
    const name = locked.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return [`${name}@${locked.version}`, namesNeeded(locked)];
  });
  return keepShipped(JSON.parse(stdout) as Bill, new Map(needs));
}

interface Locked {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** What is installed for a package: what it would merely get on with is not, nor what its development takes. */
function namesNeeded({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Locked): string[] {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta?.[name]?.optional !== true);
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
}
