import { parseArgs } from 'node:util';
import type { ServiceName } from '@starling/contracts/services';
import type { Static, TSchema } from 'typebox';
import { ConfigError, loadConfig } from '../config/index.ts';
import type { Platform } from '../service/index.ts';
import { createLogger, type Logger } from '../telemetry/index.ts';
import { type ProcessConfig, processConfig, requirePeersByTls } from './process-config.ts';
import { isExplained } from './start-errors.ts';
import { type Peers, type ProcessService, type Running, startService } from './start-service.ts';

/** From the end of the drain on, ms. */
const STOP_WITHIN_MS = 10_000;

/**
 * Runs one service as this process, by the file that `--config` names, until SIGTERM or SIGINT. What cannot be mended
 * without a person is said in one line of the log, and the process ends with 1. For a broker that does not answer it
 * waits; without its database it starts, and says every few seconds that it misses it.
 */
export async function runService<T extends TSchema>(definition: {
  name: ServiceName;
  config: T;
  create(config: Static<T>, platform: Platform, peers: Peers): ProcessService | Promise<ProcessService>;
}): Promise<void> {
  const { name, create } = definition;
  const logger = createLogger({ service: name });
  const fail = (error: unknown): never => {
    if (isExplained(error)) logger.fatal(error.message);
    else logger.fatal({ err: error }, `the service could not start: ${(error as Error).message}`);
    process.exit(1);
  };
  let running: Running | undefined;
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    logger.info('stopping');
    if (!running) process.exit(0);
    endRunning(running, logger).then(
      () => process.exit(0),
      (error: Error) => {
        logger.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  // Before the start, which may wait: the first process of a container does not hear of a signal in any other way.
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  try {
    const config = readConfig(definition.config);
    const service = (platform: Platform, peers: Peers) => create(config.service as Static<T>, platform, peers);
    running = await startService({ name, config, create: service }, logger, fail);
  } catch (error) {
    fail(error);
  }
}

function readConfig(service: TSchema): ProcessConfig {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  if (values.config === undefined) throw new ConfigError('name the configuration file: --config FILE');
  // What the schema of a type parameter means is beyond the compiler; `service` is checked by that very schema.
  const config = loadConfig(processConfig(service), { file: values.config }) as unknown as ProcessConfig;
  if (config.tls) requirePeersByTls(config.peers);
  return config;
}

async function endRunning({ drain, stop }: Running, logger: Logger): Promise<void> {
  await drain().catch((error: Error) => logger.error({ err: error }, 'draining failed'));
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
  await stop();
}
