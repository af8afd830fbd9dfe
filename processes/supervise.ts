import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { untilReady } from './readiness.ts';
import type { ProcessPlan } from './set-up.ts';

const RESTART_MS = 1_000;
/** A little more than a service gives itself. */
const GRACE_MS = 12_000;
const PRELOADED = new URL('./end-with-supervisor.ts', import.meta.url).href;

/** Processes that are kept running: one that ends is started again, as a cluster would do. */
export class Supervisor {
  readonly #print: (line: string) => void;
  readonly #mainOf: (plan: ProcessPlan) => string;
  readonly #graceMs: number;
  readonly #children = new Map<string, ChildProcess>();
  #stopped: Promise<void> | undefined;

  /**
   * @param print gets what the processes print, each line behind its label.
   * @param options.mainOf the file that a process runs; that of its service.
   * @param options.graceMs from SIGTERM until SIGKILL.
   */
  constructor(print: (line: string) => void, options: { mainOf?: (plan: ProcessPlan) => string; graceMs?: number } = {}) {
    this.#print = print;
    this.#mainOf = options.mainOf ?? (({ service }) => fileURLToPath(new URL(`../services/${service}/main.ts`, import.meta.url)));
    this.#graceMs = options.graceMs ?? GRACE_MS;
  }

  /**
   * Starts a process and resolves when it says at its side port that it is ready; what it waits for is printed. Rejects
   * when it ends before, or after `stop`.
   */
  async start(plan: ProcessPlan): Promise<void> {
    if (this.#stopped !== undefined) throw new Error(`${plan.label} is not started: all are being ended`);
    // In a process group of its own, since Ctrl-C is for us. Its stdin closes when we are gone, however that came.
    const child = spawn(process.execPath, ['--import', PRELOADED, this.#mainOf(plan), '--config', plan.configFile], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#children.set(plan.label, child);
    const ended = new AbortController();
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#print(`${plan.label.padEnd(12)} ${line}`);
      });
    }
    const onEnd = (how: unknown) => {
      ended.abort(how);
      if (this.#stopped !== undefined) return;
      this.#print(`${plan.label.padEnd(12)} ended (${how}); it is started again`);
      setTimeout(() => {
        if (this.#stopped === undefined) this.start(plan).catch(() => {});
      }, RESTART_MS);
    };
    child.once('exit', (code, signal) => onEnd(signal ?? code));
    child.on('error', (error) => {
      if (child.pid === undefined) onEnd(error.message);
    });
    this.#print(`${plan.label.padEnd(12)} pid ${child.pid}, http ${plan.ports.http}, side port ${plan.ports.side}`);
    const tell = (reasons: string) => this.#print(`${plan.label.padEnd(12)} is not ready yet: ${reasons}`);
    await untilReady(plan.ports.side, { tell, signal: ended.signal });
    if (ended.signal.aborted) throw new Error(`${plan.label} ended (${ended.signal.reason}) before it was ready; its log says why`);
  }

  /** Ends all of them, by force those that take too long; resolves when they have ended. None is started any more. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  /** Ends all of them at once and by force, also those that are stopped (SIGSTOP). None is started any more. */
  kill(): void {
    this.#stopped ??= Promise.resolve();
    for (const child of this.#living()) child.kill('SIGKILL');
  }

  async #end(): Promise<void> {
    const force = setTimeout(() => this.kill(), this.#graceMs);
    await Promise.all(
      this.#living().map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }),
    );
    clearTimeout(force);
  }

  #living(): ChildProcess[] {
    return [...this.#children.values()].filter(
      ({ pid, exitCode, signalCode }) => pid !== undefined && exitCode === null && signalCode === null,
    );
  }
}
