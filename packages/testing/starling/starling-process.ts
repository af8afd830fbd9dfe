import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../wait-for/index.ts';

const MAIN = fileURLToPath(new URL('../../../standalone/main.ts', import.meta.url));
const START_DEADLINE_MS = 60_000;

/** The product as a user runs it: one process on a data directory of its own. */
export interface StarlingProcess {
  url: string;
  /** Its data directory. */
  data: string;
  /** What it printed so far. */
  output(): string;
  /** Ends it as a power cut would: nothing is told, the database server lives on. */
  kill(): Promise<void>;
  /** Starts it again on the same data and the same port. */
  restart(): Promise<void>;
  /** Ctrl-C; resolves with the exit code. */
  interrupt(): Promise<number | null>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

export async function startStarlingProcess(args: string[] = []): Promise<StarlingProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-e2e-'));
  // Where the tests run as root, the database runs as another user, who must get through.
  await chmod(directory, 0o711);
  let run = await startOnce(directory, ['--port', '0', ...args]);
  const { url } = run;
  return {
    url,
    data: join(directory, 'data'),
    output: () => run.output(),
    async kill() {
      run.child.kill('SIGKILL');
      await run.ended;
    },
    async restart() {
      run = await startOnce(directory, ['--port', new URL(url).port, ...args]);
    },
    interrupt: () => interrupt(run),
    async remove() {
      if (run.child.exitCode === null && run.child.signalCode === null) await interrupt(run);
      else if (run.child.signalCode === 'SIGKILL') {
        // Its database server lives on: only a Starling that takes it over ends it.
        run = await startOnce(directory, ['--port', '0', ...args]);
        await interrupt(run);
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Runs it and waits for its end; for starts that must fail. */
export async function runStarling(args: string[]): Promise<{ code: number | null; output: string }> {
  const { child, output, ended } = spawnStarling(args);
  await ended;
  return { code: child.exitCode, output: output() };
}

interface Run {
  child: ChildProcess;
  url: string;
  output(): string;
  ended: Promise<unknown>;
}

async function startOnce(directory: string, args: string[]): Promise<Run> {
  const run = spawnStarling(['--data', join(directory, 'data'), ...args]);
  const readyUrl = () => /Starling is ready: (\S+)/.exec(run.output())?.[1];
  await waitFor(() => readyUrl() ?? run.child.exitCode !== null, { deadline: START_DEADLINE_MS, describe: 'Starling to be ready' });
  const url = readyUrl();
  if (url === undefined) throw new Error(`Starling ended: ${run.output()}`);
  return { ...run, url };
}

function spawnStarling(args: string[]): Omit<Run, 'url'> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return { child, output: () => printed, ended: once(child, 'close') };
}

async function interrupt(run: Run): Promise<number | null> {
  run.child.kill('SIGINT');
  await run.ended;
  return run.child.exitCode;
}
