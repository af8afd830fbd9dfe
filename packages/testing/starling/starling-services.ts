import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../wait-for/index.ts';

const MAIN = fileURLToPath(new URL('../../../processes/main.ts', import.meta.url));

/** The product with a process for each service, on real Kafka and PostgreSQL. */
export interface StarlingServices {
  url: string;
  /** Where keys and configuration files are. */
  data: string;
  output(): string;
  /** The process id of `delivery-1`, `conversation`, …; of the latest, if it was started again. */
  pidOf(label: string): number;
  /** Where a process answers /metrics, /healthz and /readyz. */
  sideUrl(label: string): string;
  /** Ends a process without warning; the supervisor starts it again. */
  kill(label: string): void;
  /** Resolves when the process is ready again. */
  waitReady(label: string): Promise<void>;
  stop(): Promise<number | null>;
}

export async function startStarlingServices(options: {
  brokers: string[];
  databaseUrl: string;
  delivery?: number;
  args?: string[];
}): Promise<StarlingServices> {
  const data = await mkdtemp(join(tmpdir(), 'starling-services-'));
  const { child, output, ended } = spawnServices([
    '--kafka',
    options.brokers.join(','),
    '--postgres',
    options.databaseUrl,
    '--data',
    data,
    '--port',
    '0',
    '--partitions',
    '4',
    '--delivery',
    String(options.delivery ?? 2),
    ...(options.args ?? []),
  ]);
  const readyUrl = () => /Starling is ready: (\S+)/.exec(output())?.[1];
  await waitFor(() => readyUrl() ?? child.exitCode !== null, { deadline: 120_000, describe: 'the services to be ready' });
  const url = readyUrl();
  if (url === undefined) throw new Error(`the services ended: ${output()}`);

  const find = (label: string) => {
    const found = [...output().matchAll(new RegExp(`^${label} +pid (\\d+), http \\d+, side port (\\d+)$`, 'gm'))].at(-1);
    if (!found) throw new Error(`there is no process ${label}`);
    return found;
  };
  const pidOf = (label: string) => Number(find(label)[1]);
  const sideUrl = (label: string) => `http://127.0.0.1:${find(label)[2]}`;
  return {
    url,
    data,
    output,
    pidOf,
    sideUrl,
    kill: (label) => void process.kill(pidOf(label), 'SIGKILL'),
    async waitReady(label) {
      const isReady = async () => (await fetch(`${sideUrl(label)}/readyz`).catch(() => undefined))?.status === 200;
      await waitFor(isReady, { deadline: 60_000, describe: `${label} to be ready` });
    },
    async stop() {
      if (child.exitCode === null) child.kill('SIGINT');
      await ended;
      await rm(data, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}

/** Runs it and waits for its end; for starts that must fail. */
export async function runStarlingServices(args: string[]): Promise<{ code: number | null; output: string }> {
  const data = await mkdtemp(join(tmpdir(), 'starling-services-'));
  const { child, output, ended } = spawnServices(['--data', data, '--port', '0', ...args]);
  await ended;
  await rm(data, { recursive: true, force: true });
  return { code: child.exitCode, output: output() };
}

function spawnServices(args: string[]): { child: ChildProcess; output(): string; ended: Promise<unknown> } {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return { child, output: () => printed, ended: once(child, 'close') };
}
