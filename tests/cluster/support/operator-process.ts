import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@starling/testing/wait-for';
import { writeTemporary } from './api.ts';
import { KAFKA_IN_PLACE_OF_REDPANDA, POSTGRES_IN_PLACE, STARLING, VERSION } from './images.ts';

const MAIN = join(import.meta.dirname, '../../../operator/main.ts');
const START_MS = 60_000;

/** The operator as a process of this machine. */
export interface OperatorProcess {
  output(): string;
  /** Resolves when it has ended, however. */
  ended: Promise<unknown>;
  hasEnded(): boolean;
  /** SIGKILL. */
  kill(): void;
  /** Memory that is in use of it, in bytes. Linux alone tells. */
  residentBytes(): Promise<number>;
  /** Its metrics, as text. */
  readMetrics(): Promise<string>;
  /** SIGTERM, as the kubelet does. */
  stop(): Promise<void>;
}

/**
 * Starts it against the API of a kubeconfig.
 *
 * @param options.lease the namespace of its Lease: two processes with different ones both lead.
 */
export async function startOperatorProcess(options: {
  kubeconfig: string;
  lease: string;
  namespaces?: string[];
}): Promise<OperatorProcess> {
  const { file, remove } = await writeTemporary('kubeconfig', options.kubeconfig);
  const flags = {
    kubeconfig: file,
    namespace: options.lease,
    image: STARLING,
    version: VERSION,
    'redpanda-image': KAFKA_IN_PLACE_OF_REDPANDA,
    'postgres-image': POSTGRES_IN_PLACE,
    'side-port': 0,
    ...(options.namespaces ? { 'watch-namespaces': options.namespaces.join(',') } : {}),
  };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = once(child, 'close').then(remove);
  return {
    output: () => printed,
    ended,
    hasEnded: () => hasEnded(child),
    kill: () => void child.kill('SIGKILL'),
    async residentBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
      return Number(kibibytes) * 1024;
    },
    async readMetrics() {
      const port = await waitFor(() => /"sidePort":(\d+)/.exec(printed)?.[1], { deadline: START_MS, describe: 'the operator to start' });
      return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    },
    async stop() {
      if (!hasEnded(child)) child.kill('SIGTERM');
      await ended;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
