import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { STARLING, VERSION } from './images.ts';
import { stateFile } from './state-folder.ts';

const run = promisify(execFile);
/** A tag whose image is Starling's, but for delivery, which ends at its start. */
export const CRASHING_VERSION = '0.2.2';
/** With what it ends. */
export const CRASH = 'this version of delivery cannot start';

/** Puts the image of CRASHING_VERSION into the cluster. */
export async function provideCrashingVersion(): Promise<void> {
  const image = `${STARLING}:${CRASHING_VERSION}`;
  const folder = await mkdtemp(join(tmpdir(), 'starling-crashing-'));
  try {
    await writeFile(join(folder, 'main.ts'), `throw new Error('${CRASH}');\n`);
    const container = (await buildah('from', '--pull-never', `${STARLING}:${VERSION}`)).trim();
    await buildah('copy', '--quiet', container, join(folder, 'main.ts'), '/app/services/delivery/main.ts');
    await buildah('commit', '--quiet', '--rm', container, image);
    await buildah('push', '--quiet', image, `docker-archive:${join(folder, 'image.tar')}:${image}`);
    await run(stateFile('ctr'), ['images', 'import', join(folder, 'image.tar')]);
    await buildah('rmi', image);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function buildah(...args: string[]): Promise<string> {
  const store = ['--root', stateFile('buildah'), '--runroot', stateFile('run', 'buildah')];
  const { stdout } = await run('buildah', [...store, '--storage-driver', process.env['BUILDAH_DRIVER'] || 'overlay', ...args]);
  return stdout;
}
