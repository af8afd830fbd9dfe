import type { Supervisor } from './supervise.ts';

/**
 * Ends the services with this process: at Ctrl-C, SIGTERM, a closed terminal (SIGHUP) or an exception that nobody
 * caught, gracefully; at a second signal, or when the process exits in any other way, by force.
 */
export function endAllWithThisProcess(supervisor: Supervisor, say: { print(line: string): void; fail(error: unknown): void }): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(130);
      stopping = true;
      say.print('stopping (again Ctrl-C: at once)');
      supervisor.stop().then(() => process.exit(0), say.fail);
    });
  }
  process.on('uncaughtException', (error) => {
    const fail = () => say.fail(error);
    supervisor.stop().then(fail, fail);
  });
  process.on('exit', () => supervisor.kill());
}
