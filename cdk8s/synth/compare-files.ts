import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What is on disk under `root` and differs from what it should be: paths, each with what is wrong. In `folders` no other YAML may be. */
export async function findOutdated(root: string, files: Record<string, string>, folders: readonly string[]): Promise<Map<string, string>> {
  const outdated = new Map<string, string>();
  for (const [path, text] of Object.entries(files)) {
    const present = await readIfThere(join(root, path));
    if (present !== text) outdated.set(path, present === undefined ? 'is missing' : 'is out of date');
  }
  for (const folder of folders) {
    for (const name of await readdir(join(root, folder)).catch(() => [])) {
      if (name.endsWith('.yaml') && !(`${folder}/${name}` in files))
        outdated.set(`${folder}/${name}`, 'is not made by anything: delete it');
    }
  }
  return outdated;
}

/** Writes those that differ, and resolves with their paths. */
export async function writeFiles(root: string, files: Record<string, string>): Promise<string[]> {
  const outdated = await findOutdated(root, files, []);
  for (const path of outdated.keys()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), files[path] ?? '');
  }
  return [...outdated.keys()];
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
