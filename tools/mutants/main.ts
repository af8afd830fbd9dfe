import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MUTANTS, type Mutant } from './mutants.ts';

/**
 * Puts each mutant into the code in turn and runs the tests that must notice it; fails if any does not, or if the tests
 * fail without one. Arguments: names of mutants, all of them unless given.
 */
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !MUTANTS.some((mutant) => mutant.name === name));
if (unknown !== undefined) {
  console.error(`There is no mutant ${unknown}. There are: ${MUTANTS.map(({ name }) => name).join(', ')}.`);
  process.exit(1);
}
const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

async function runTests(tests: string[], mutant?: Mutant): Promise<{ passed: boolean; output: string }> {
  const child = spawn(process.execPath, [vitest, 'run', ...(mutant ? ['--bail=1'] : []), ...tests], {
    env: {
      ...process.env,
      ...(mutant ? { STARLING_MUTANT: mutant.name, NODE_OPTIONS: `--import=${new URL('./register.ts', import.meta.url)}` } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return { passed: child.exitCode === 0, output };
}

let failures = 0;
const sound = await runTests([...new Set(chosen.map(({ tests }) => tests))]);
if (!sound.passed) {
  console.log(`${sound.output}\nThe tests fail without any mutant.`);
  process.exit(1);
}
for (const mutant of chosen) {
  const { passed, output } = await runTests([mutant.tests], mutant);
  const noticed = !passed && /AssertionError|Property failed|Waited \d+ ms in vain|Test timed out/.test(output);
  if (!noticed) failures++;
  console.log(`${noticed ? 'noticed ' : 'SURVIVED'}  ${mutant.name}  (${mutant.tests})`);
  if (!noticed && !passed) console.log(output);
}
console.log(`${chosen.length - failures} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
