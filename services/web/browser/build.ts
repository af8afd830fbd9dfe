import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import config from './vite.config.ts';

const browser = import.meta.dirname;
const root = join(browser, '../../..');
const dist = join(browser, 'dist');
const stampFile = join(dist, '.stamp');

/** Names the content of everything that the build reads, so that an unchanged tree need not be built again. */
function stampSources(): string {
  const sources = globSync(['services/web/browser/**/*', 'packages/client/**/*', 'packages/contracts/**/*', 'package-lock.json'], {
    cwd: root,
    withFileTypes: true,
    exclude: (entry) => ['node_modules', 'dist', 'testing'].includes(entry.name) || /^dist\.|\.test\.tsx?$|\.md$/.test(entry.name),
  });
  const hash = createHash('sha256');
  for (const path of sources
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash.update(path.slice(root.length)).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

const started = performance.now();
const stamp = stampSources();
if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) {
  console.log(`Browser client: up to date (${Math.round(performance.now() - started)} ms).`);
} else {
  // Built aside and put in place whole: a server that starts meanwhile finds the old one or the new one.
  const fresh = `${dist}.${process.pid}`;
  try {
    await build({ ...config, configFile: false, logLevel: 'warn', build: { ...config.build, outDir: fresh } });
    writeFileSync(join(fresh, '.stamp'), stamp);
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  console.log(`Browser client: built in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}
