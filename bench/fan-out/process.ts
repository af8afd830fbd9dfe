import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BenchError } from '../scenario.ts';

/** /proc counts CPU time in hundredths of a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** A child that takes and gives lines of text, with all of its threads on one core. */
export interface PinnedProcess {
  write(line: string): void;
  /** The next line; rejects when the process ends instead. */
  read(): Promise<string>;
  /** User and system time of all its threads since it started, s. */
  cpuSeconds(): Promise<number>;
  /** For how long its threads were ready to run while the core ran others, s. */
  waitedSeconds(): Promise<number>;
  stop(): Promise<void>;
}

export function startPinned(options: { core: number; command: string[]; env?: Record<string, string> }): PinnedProcess {
  const { core, command, env } = options;
  const child: ChildProcess = spawn('taskset', ['-c', String(core), ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (error) => reject(new BenchError(`taskset (of util-linux) could not be started: ${error.message}`)));
    child.once('exit', (code, signal) => reject(new Error(`${command.join(' ').slice(0, 200)} ended with ${code ?? signal}`)));
  });
  failed.catch(() => {});
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('the child has no pipes');
  stdin.on('error', () => {});
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();

  return {
    write: (line) => void stdin.write(`${line}\n`),
    async read() {
      const { value, done } = await Promise.race([lines.next(), failed]);
      return done ? failed : value;
    },
    async cpuSeconds() {
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
      const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(user) + Number(system)) / TICKS_PER_SECOND;
    },
    async waitedSeconds() {
      const tasks = `/proc/${child.pid}/task`;
      const stats = await Promise.all(
        (await readdir(tasks)).map((task) => readFile(join(tasks, task, 'schedstat'), 'utf8').catch(() => '')),
      );
      return stats.reduce((sum, stat) => sum + Number(stat.split(' ')[1] ?? 0), 0) / 1e9;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      stdin.end();
      const killing = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await exited;
      clearTimeout(killing);
    },
  };
}
