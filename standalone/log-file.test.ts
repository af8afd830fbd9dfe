import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLogFile } from './log-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-log-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('goes on in a file that is there, and begins anew when that is full', async () => {
  const path = join(folder, 'log');
  openLogFile(path, 20).end('0123456789');
  const log = openLogFile(path, 20);
  log.write('abcdefghij');
  expect(await readFile(path, 'utf8')).toBe('0123456789abcdefghij');
  log.write('next');
  expect(await readFile(path, 'utf8')).toBe('next');
  expect(await readFile(`${path}.1`, 'utf8')).toBe('0123456789abcdefghij');
});

it.runIf(process.platform === 'linux')('drops what finds no space', async () => {
  const log = openLogFile('/dev/full');
  await new Promise<void>((resolve, reject) => {
    log.on('error', reject);
    log.write('lost', () => resolve());
  });
});
