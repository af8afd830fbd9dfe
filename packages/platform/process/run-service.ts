import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { parseArgs } from 'node:util';
import type { Static, TSchema } from 'typebox';
import { systemClock } from '../clock/index.ts';
import { ConfigError, loadConfig } from '../config/index.ts';
import { createPool } from '../db/index.ts';
import { createHttpServer, onUpgrade } from '../http/index.ts';
import { openKafkaLog } from '../log/kafka/index.ts';
import { createMetrics, measureAppends, openSidePort } from '../metrics/index.ts';
import { createNetworkTransport, serveRpc } from '../rpc/index.ts';
import type { Platform, Service, ServiceName } from '../service/index.ts';
import { createLogger, startTracing } from '../telemetry/index.ts';
import { createGate, createMinter, readKeyRing, readSigningKey } from '../tokens/index.ts';
import { type ProcessConfig, processConfig } from './process-config.ts';

/** A service that also takes over upgrades of its HTTP server's connections. */
export interface ProcessService extends Service {
  upgrade?(request: IncomingMessage, stream: Duplex, head: Buffer): void;
}

/** Where other processes are reached. */
export type Peers = Record<ServiceName, { http: string; rpc: string }>;

/** From the signal on, ms. */
const STOP_WITHIN_MS = 10_000;

/**
 * Runs one service as this process, by the file that `--config` names, until SIGTERM or SIGINT. What cannot be mended
 * without a person is said in one line of the log, and the process ends with 1.
 */
export async function runService<T extends TSchema>(definition: {
  name: ServiceName;
  config: T;
  create(config: Static<T>, platform: Platform, peers: Peers): ProcessService;
}): Promise<void> {
  const logger = createLogger({ service: definition.name });
  try {
    const stop = await startService(definition, logger);
    let stopping = false;
    const end = () => {
      if (stopping) return;
      stopping = true;
      logger.info('stopping');
      setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
      stop().then(
        () => process.exit(0),
        (error: Error) => {
          logger.error({ err: error }, 'stopping failed');
          process.exit(1);
        },
      );
    };
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
  } catch (error) {
    if (error instanceof ConfigError) logger.fatal(error.message);
    else logger.fatal({ err: error }, `the service could not start: ${(error as Error).message}`);
    process.exit(1);
  }
}

async function startService<T extends TSchema>(
  definition: Parameters<typeof runService<T>>[0],
  logger: ReturnType<typeof createLogger>,
): Promise<() => Promise<void>> {
  const { name, create } = definition;
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  if (values.config === undefined) throw new ConfigError('name the configuration file: --config FILE');
  // What the schema of a type parameter means is beyond the compiler; `service` is checked by that very schema.
  const config = loadConfig(processConfig(definition.config), { file: values.config }) as unknown as ProcessConfig;
  const { cluster, host, ports, kafka, keys } = config;
  const { peers } = config;
  const metrics = createMetrics();
  const stopTracing = startTracing({ service: name, otlpEndpoint: config.otlpEndpoint });
  const ring = await readKeyRing(keys.public);
  const minter = createMinter({ signing: await readSigningKey(name, keys.private), cluster, clock: systemClock });
  const gate = createGate({ service: name, cluster, ring, clock: systemClock });
  const db = createPool({ url: (await readFile(config.databaseUrlFile, 'utf8')).trim(), logger, applicationName: `starling ${name}` });
  const log = await openKafkaLog({
    brokers: kafka.brokers,
    epoch: kafka.epoch,
    partitions: kafka.partitions,
    clientId: `starling-${name}`,
    pod: randomUUID(),
    clock: systemClock,
    logger,
    ...(kafka.tlsAuthority === undefined ? {} : { tls: { ca: await readFile(kafka.tlsAuthority, 'utf8') } }),
    ...(kafka.user === undefined || kafka.passwordFile === undefined
      ? {}
      : {
          sasl: {
            mechanism: 'scram-sha-512' as const,
            username: kafka.user,
            password: (await readFile(kafka.passwordFile, 'utf8')).trim(),
          },
        }),
  });
  const platform: Platform = {
    db,
    log: measureAppends(log, metrics.of(name)),
    minter,
    gate,
    rpc: (callee) => createNetworkTransport({ callee, baseUrl: peers[callee].rpc, minter }),
    logger,
    metrics: metrics.of(name),
    clock: systemClock,
  };
  const service = create(config.service as Static<T>, platform, peers);

  const http = createHttpServer(platform);
  await service.routes(http);
  onUpgrade(http, (request, stream, head) => {
    if (service.upgrade) service.upgrade(request, stream, head);
    else stream.destroy();
  });
  let started = false;
  const reasons = () => [...(started ? [] : ['starting']), ...(service.unready?.() ?? [])];
  const side = await openSidePort({ host, port: ports.side, metrics, reasons });
  const rpc = service.rpc?.bind(service);
  const rpcServer = rpc && (await serveRpc({ host, port: ports.rpc, gate, logger, metrics: platform.metrics, routes: rpc }));
  await service.start();
  await http.listen({ host, port: ports.http });
  started = true;
  logger.info({ ports }, 'ready');

  return async () => {
    started = false;
    const closing = Promise.all([http.close(), rpcServer?.close()]);
    await service.stop();
    await closing;
    await log.close();
    await db.end();
    await side.close();
    await stopTracing();
  };
}
