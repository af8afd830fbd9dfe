import { cp, mkdir, mkdtemp, readdir, readlink, realpath, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Seed } from './tool.ts';

/**
 * Makes a temporary tree that looks to a tool like the tree at `root`: the same settings, manifests, workspaces and installed packages, but no
 * source except the seeds. Returns its folder, without symbolic links in its path; the caller removes it.
 */
export async function makeSeededTree(root: string, settings: string[], seeds: Seed[]): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'starling-seeds-')));
  for (const name of ['package.json', ...settings]) await cp(join(root, name), join(folder, name));
  await linkPackages(root, folder);
  for (const seed of seeds) {
    const path = join(folder, seed.file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, seed.text);
  }
  return folder;
}

/** Installed packages are linked to those of the root; ours are linked to the seeded tree, where only their manifests are copied. */
async function linkPackages(root: string, folder: string): Promise<void> {
  const installed = join(root, 'node_modules');
  const linked = join(folder, 'node_modules');
  await mkdir(join(linked, '@starling'), { recursive: true });
  for (const name of await readdir(installed)) {
    if (name !== '@starling') await symlink(join(installed, name), join(linked, name));
  }
  for (const name of await readdir(join(installed, '@starling'))) {
    const link = join(installed, '@starling', name);
    const workspace = relative(await realpath(root), await realpath(link));
    await cp(join(root, workspace, 'package.json'), join(folder, workspace, 'package.json'));
    await symlink(await readlink(link), join(linked, '@starling', name));
  }
}
