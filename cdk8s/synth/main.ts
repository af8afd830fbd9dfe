import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findOutdated, writeFiles } from './compare-files.ts';
import { GENERATED_FOLDERS, renderFiles } from './files.ts';

const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string };
const files = renderFiles(version);
const root = process.cwd();

if (process.argv.includes('--check')) {
  const outdated = await findOutdated(root, files, GENERATED_FOLDERS);
  for (const [path, what] of outdated) console.log(`${path} ${what}`);
  if (outdated.size > 0) {
    console.log('Run `npm run synth` and commit what it changes.');
    process.exitCode = 1;
  }
} else {
  const written = await writeFiles(root, files);
  console.log(written.length === 0 ? 'Everything is up to date.' : written.map((path) => `wrote ${path}`).join('\n'));
}
