import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../scenario.ts';

const MAIN = fileURLToPath(new URL('../../operator/main.ts', import.meta.url));
const FREE = /^starling_operator_queue_depth 0$/m;

/** What a running operator says of itself at `/metrics`. */
export interface Reading {
  reconciles: number;
  /** Of them. */
  failed: number;
  /** Nothing waits to be reconciled. */
  idle: boolean;
  cpuSeconds: number;
  memoryBytes: number;
}

export interface OperatorProcess {
  read(): Promise<Reading>;
  stop(): Promise<void>;
}

/** Starts the operator as in a container, against the API that a kubeconfig names. Resolves when it serves its metrics. */
export async function startOperatorProcess(kubeconfig: string, sidePort: number): Promise<OperatorProcess> {
  const flags = [`--kubeconfig=${kubeconfig}`, `--side-port=${sidePort}`, '--metrics-api=off', '--log-level=warn'];
  const child = spawn(process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
  const exited = once(child, 'exit');
  const ask = async () => (await fetch(`http://127.0.0.1:${sidePort}/metrics`)).text();
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null || tries > 600) throw new BenchError(`the operator did not start: ${said.slice(-3).join(' ')}`);
    if (await ask().catch(() => undefined)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    async read() {
      const text = await ask();
      const sum = (name: string, labels = '[^}]*') =>
        [...text.matchAll(new RegExp(`^${name}(?:\\{${labels}\\})? (\\S+)$`, 'gm'))].reduce((total, [, value]) => total + Number(value), 0);
      return {
        reconciles: sum('starling_operator_reconcile_seconds_count'),
        failed: sum('starling_operator_reconcile_seconds_count', 'result="failed"'),
        idle: FREE.test(text),
        cpuSeconds: sum('process_cpu_seconds_total'),
        memoryBytes: sum('process_resident_memory_bytes'),
      };
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
