import { createLogger } from '@starling/platform/telemetry';
import { connectByKubeconfig, connectInCluster } from '../kube/index.ts';
import { readOptions } from './options.ts';
import { startMetricsApi } from './start.ts';

/** From the signal on, ms. */
const STOP_WITHIN_MS = 10_000;

const logger = createLogger({ service: 'metrics-api' });
try {
  const { kubeconfig, ...options } = readOptions(process.argv.slice(2));
  const connection = kubeconfig === undefined ? connectInCluster() : connectByKubeconfig(kubeconfig);
  const started = startMetricsApi(connection, { ...options, logger });
  // Before the start, which may wait: the first process of a container does not hear of a signal in any other way.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());
  const { port, sidePort } = await started;
  logger.info({ port, sidePort }, 'serving');

  async function end(): Promise<void> {
    logger.info('stopping');
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    await started.then(({ stop }) => stop()).catch((error: Error) => logger.error({ err: error }, 'stopping failed'));
    await connection.close();
    process.exit(0);
  }
} catch (error) {
  logger.fatal((error as Error).message);
  process.exit(1);
}
