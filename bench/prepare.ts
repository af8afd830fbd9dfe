import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE, PREPARED } from './cache.ts';
import { BenchError } from './scenario.ts';

const K6_VERSION = '1.8.1';
/** The newest Node for which the library has binaries, and the newest version of the library on npm. */
const UWEBSOCKETS = ['node@20.20.2', '@trufflesuite/uws-js-unofficial@20.30.0-unofficial.0'];

/** Something that benchmarks need and that is not in the repository's own packages. */
interface Step {
  name: string;
  /** Whether it is prepared when nothing is named. */
  always: boolean;
  prepare(): Promise<void>;
}

const STEPS: Step[] = [
  {
    name: 'centrifuge',
    always: true,
    // Go itself knows whether anything has changed since.
    prepare: () => go(['build', '-o', PREPARED.centrifuge, '.'], join(import.meta.dirname, 'peers/centrifuge')),
  },
  {
    name: 'uwebsockets',
    always: true,
    async prepare() {
      if (existsSync(PREPARED.node20) && existsSync(PREPARED.uwebsockets)) return;
      const folder = join(CACHE, 'uwebsockets');
      await mkdir(folder, { recursive: true });
      await run('npm', ['install', '--no-audit', '--no-fund', '--no-save', '--prefix', folder, ...UWEBSOCKETS], folder);
    },
  },
  {
    name: 'kafka',
    always: true,
    async prepare() {
      const { findLauncher } = await import('@starling/testing/brokers');
      if (!(await findLauncher())) throw new BenchError('Kafka needs Java 17 and Maven, or Docker');
    },
  },
  {
    name: 'k6',
    always: false,
    async prepare() {
      if (!existsSync(PREPARED.k6)) await go(['install', `go.k6.io/k6@v${K6_VERSION}`], CACHE, { GOBIN: dirname(PREPARED.k6) });
    },
  },
];

function go(args: string[], directory: string, env: Record<string, string> = {}): Promise<void> {
  return run('go', args, directory, env);
}

async function run(program: string, args: string[], directory: string, env: Record<string, string> = {}): Promise<void> {
  try {
    await promisify(execFile)(program, args, { cwd: directory, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT') throw new BenchError(`${program} is not installed: install it, or name other things to prepare`);
    throw new BenchError(`"${program} ${args.join(' ')}" failed: ${stderr?.trim().split('\n').at(-1) ?? code}`);
  }
}

function chooseSteps(names: string[]): Step[] {
  const all = STEPS.map(({ name }) => name).join(', ');
  const unknown = names.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown !== undefined) throw new BenchError(`there is no "${unknown}" to prepare; there is: ${all}`);
  return STEPS.filter(({ name, always }) => (names.length === 0 ? always : names.includes(name)));
}

try {
  await mkdir(CACHE, { recursive: true });
  for (const { name, prepare } of chooseSteps(process.argv.slice(2))) {
    const start = performance.now();
    await prepare();
    console.log(`${name.padEnd(12)} ready in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
} catch (error) {
  console.error(error instanceof BenchError ? `bench:prepare: ${error.message}` : error);
  process.exitCode = 1;
}
