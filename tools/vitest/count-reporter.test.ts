import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

const settings = `
import { CountReporter } from ${JSON.stringify(join(import.meta.dirname, 'count-reporter.ts'))};
export default { test: { allowOnly: false, globalSetup: ['set-up.ts'], reporters: ['default', new CountReporter()] } };
`;
const quietSetUp = "export default () => () => console.log('torn down');";

/** Runs vitest with the reporter on the files and returns its exit code and the lines it printed to stdout. */
async function runVitest(files: Record<string, string>): Promise<{ code: number | null; lines: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-vitest-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, text] of Object.entries({ 'vitest.config.ts': settings, 'set-up.ts': quietSetUp, ...files })) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), `import { afterAll, beforeAll, describe, expect, test } from 'vitest';\n${text}`);
  }
  // VITEST and its like tell a process that it is a worker.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run'], {
    cwd: folder,
    env: { ...env, CI: 'true', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, lines: printed.trimEnd().split('\n') };
}

test('a run that passes ends with its count, after all else', async () => {
  const { code, lines } = await runVitest({
    'a.test.ts': "test('one', () => {}); describe('group', () => { test('two', () => {}); });",
    'b.test.ts': "test.each([1, 2])('%i', () => {});",
  });
  expect(code).toBe(0);
  expect(lines).toContain('torn down');
  expect(lines.at(-1)).toBe('4 passed, 0 failed');
  expect(lines.filter((line) => line === lines.at(-1))).toHaveLength(1);
});

test('whatever fails outside a test counts as one failed test', async () => {
  const { code, lines } = await runVitest({
    'one.test.ts': "test('passes', () => {}); test('fails', () => { expect(1).toBe(2); });",
    'unloadable.test.ts': "import './absent.ts';",
    'hook.test.ts': "describe('group', () => { beforeAll(() => { throw new Error('x'); }); test('not run', () => {}); });",
    'last-hook.test.ts': "test('passes', () => {}); afterAll(() => { throw new Error('x'); });",
    'empty.test.ts': '',
  });
  expect(code).toBe(1);
  expect(lines.at(-1)).toBe('2 passed, 5 failed, 1 skipped');
});

test('an error that belongs to no test counts as failed', async () => {
  const { code, lines } = await runVitest({
    'stray.test.ts': "test('passes', async () => { Promise.reject(new Error('x')); await new Promise(setImmediate); });",
  });
  expect(code).toBe(1);
  expect(lines.at(-1)).toBe('1 passed, 1 failed');
});

test('a committed .only fails, and skipped tests are told', async () => {
  const { code, lines } = await runVitest({ 'only.test.ts': "test.only('one', () => {});", 'skip.test.ts': "test.skip('two', () => {});" });
  expect(code).toBe(1);
  expect(lines.at(-1)).toBe('0 passed, 1 failed, 1 skipped');
});

test('a run that ends before its tests counts as failed', async () => {
  const broken = await runVitest({ 'set-up.ts': "throw new Error('x');", 'a.test.ts': "test('one', () => {});" });
  expect(broken.code).toBe(1);
  expect(broken.lines.at(-1)).toBe('0 passed, 1 failed');
  const empty = await runVitest({});
  expect(empty.code).toBe(1);
  expect(empty.lines.at(-1)).toBe('0 passed, 1 failed');
});
