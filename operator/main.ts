// First, before there is a heap to speak of.
import './runtime/keep-heap-small.ts';

import { ConfigError } from '@starling/platform/config';
import { createLogger } from '@starling/platform/telemetry';
import { connectByKubeconfig, connectInCluster } from './kube/index.ts';
import { type OperatorOptions, readOptions, USAGE } from './options.ts';
import { startOperator } from './start.ts';

/** From the signal on, ms: less than the grace of a pod. */
const STOP_WITHIN_MS = 20_000;

function fail(error: unknown): never {
  console.error(error instanceof ConfigError ? `operator: ${error.message}` : error);
  process.exit(1);
}

async function run({ kubeconfig, logLevel, ...options }: OperatorOptions): Promise<void> {
  const logger = createLogger({ service: 'operator', level: logLevel });
  const ended = new AbortController();
  const connection = kubeconfig === undefined ? connectInCluster() : connectByKubeconfig(kubeconfig);
  // On a person's machine nobody else is to ask it.
  const sideHost = kubeconfig === undefined ? '0.0.0.0' : '127.0.0.1';
  const started = startOperator(connection, { ...options, logger, sideHost, signal: ended.signal });
  async function end(): Promise<void> {
    if (ended.signal.aborted) process.exit(130);
    ended.abort(new Error('the process is to end'));
    logger.info('stopping');
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    await started.then(({ stop }) => stop()).catch(() => undefined);
    await connection.close();
    process.exit(0);
  }
  // Before the start, which may wait: the first process of a container does not hear of a signal in any other way.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end());
  const { sidePort } = await started;
  logger.info({ server: connection.server, sidePort, namespaces: options.watchNamespaces ?? 'all', version: options.version }, 'started');
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else await run(options);
} catch (error) {
  fail(error);
}
