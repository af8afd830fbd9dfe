import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ProcessPlan } from './set-up.ts';

const RESTART_MS = 1_000;

/** Processes that are kept running: one that ends is started again, as a cluster would do. */
export class Supervisor {
  readonly #print: (line: string) => void;
  readonly #children = new Map<string, ChildProcess>();
  #stopping = false;

  /** @param print gets what the processes print, each line behind its label. */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Starts a process and resolves when it says that it is ready. */
  async start(plan: ProcessPlan): Promise<void> {
    const main = fileURLToPath(new URL(`../services/${plan.service}/main.ts`, import.meta.url));
    const child = spawn(process.execPath, [main, '--config', plan.configFile], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#children.set(plan.label, child);
    const ready = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (line.includes('"msg":"ready"')) ready.resolve();
        this.#print(`${plan.label.padEnd(12)} ${line}`);
      });
    }
    child.once('exit', (code, signal) => {
      ready.reject(new Error(`${plan.label} ended (${signal ?? code}) before it was ready; its log says why`));
      if (this.#stopping) return;
      this.#print(`${plan.label.padEnd(12)} ended (${signal ?? code}); it is started again`);
      setTimeout(() => {
        if (!this.#stopping) this.start(plan).catch(() => {});
      }, RESTART_MS);
    });
    this.#print(`${plan.label.padEnd(12)} pid ${child.pid}, http ${plan.ports.http}, side port ${plan.ports.side}`);
    await ready.promise;
  }

  /** Ends all of them; resolves when they have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      [...this.#children.values()].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }),
    );
  }
}
