import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { parseArgs } from 'node:util';
import type { ServiceName } from '@starling/contracts/services';
import type { Static, TSchema } from 'typebox';
import { systemClock } from '../clock/index.ts';
import { ConfigError, loadConfig, readConfiguredFile } from '../config/index.ts';
import { checkConnection, createPool } from '../db/index.ts';
import { createHttpServer, onUpgrade } from '../http/index.ts';
import { openKafkaLog } from '../log/kafka/index.ts';
import { createMetrics, measureAppends, openSidePort } from '../metrics/index.ts';
import { createNetworkTransport, serveRpc } from '../rpc/index.ts';
import type { Platform, Service } from '../service/index.ts';
import { createLogger, type Logger, startTracing } from '../telemetry/index.ts';
import { readAuthority } from '../tls/index.ts';
import { createGate, createMinter, openKeyRing, openSigningKeys, Revocations } from '../tokens/index.ts';
import { tracePage } from '../trace-page/index.ts';
import { readKafkaSecurity } from './kafka-security.ts';
import { type ProcessConfig, processConfig } from './process-config.ts';
import { isExplained, untilReached } from './start-errors.ts';

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
 * without a person is said in one line of the log, and the process ends with 1. For a broker that does not answer it
 * waits; without its database it starts, and says every few seconds that it misses it.
 */
export async function runService<T extends TSchema>(definition: {
  name: ServiceName;
  config: T;
  create(config: Static<T>, platform: Platform, peers: Peers): ProcessService;
}): Promise<void> {
  const logger = createLogger({ service: definition.name });
  const fail = (error: unknown): never => {
    if (isExplained(error)) logger.fatal(error.message);
    else logger.fatal({ err: error }, `the service could not start: ${(error as Error).message}`);
    process.exit(1);
  };
  let stop: (() => Promise<void>) | undefined;
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    logger.info('stopping');
    if (!stop) process.exit(0);
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    stop().then(
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
    stop = await startService(definition, logger, fail);
  } catch (error) {
    fail(error);
  }
}

async function startService<T extends TSchema>(
  definition: Parameters<typeof runService<T>>[0],
  logger: Logger,
  fail: (error: unknown) => never,
): Promise<() => Promise<void>> {
  const { name, create } = definition;
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  if (values.config === undefined) throw new ConfigError('name the configuration file: --config FILE');
  // What the schema of a type parameter means is beyond the compiler; `service` is checked by that very schema.
  const config = loadConfig(processConfig(definition.config), { file: values.config }) as unknown as ProcessConfig;
  const { cluster, host, ports, kafka, keys } = config;
  const { peers } = config;
  const metrics = createMetrics();
  const stopTracing = startTracing({ service: name, otlpEndpoint: config.otlpEndpoint, file: config.traceFile });
  const keyOptions = { clock: systemClock, logger, pollMs: keys.pollMs };
  const ring = await openKeyRing({ ...keyOptions, file: keys.public });
  const signing = await openSigningKeys({ ...keyOptions, issuer: name, file: keys.private });
  const minter = createMinter({ signing, cluster, clock: systemClock });
  let service: ProcessService | undefined;
  let revocations: Revocations | undefined;
  let started = false;
  const reasons = () => [...(started ? [] : ['starting']), ...(revocations?.unready() ?? []), ...(service?.unready?.() ?? [])];
  const routes = { '/traces': tracePage(config.traceFile && dirname(config.traceFile)) };
  const side = await openSidePort({ host, port: ports.side, metrics, reasons, routes });

  const { databaseUrlFile, databaseAuthority } = config;
  const database = {
    url: await readConfiguredFile('databaseUrlFile', databaseUrlFile),
    ca: databaseAuthority && (await readAuthority('databaseAuthority', databaseAuthority)),
  };
  const security = await readKafkaSecurity(kafka, {
    tlsAuthority: 'kafka.tlsAuthority',
    user: 'kafka.user',
    passwordFile: 'kafka.passwordFile',
  });
  await checkDatabase({ ...database, settings: { url: databaseUrlFile, ca: databaseAuthority } }, logger, fail);
  const db = createPool({ ...database, logger, applicationName: `starling ${name}` });
  const openLog = () =>
    openKafkaLog({
      brokers: kafka.brokers,
      epoch: kafka.epoch,
      partitions: kafka.partitions,
      clientId: `starling-${name}`,
      pod: randomUUID(),
      clock: systemClock,
      logger,
      ...security,
    });
  const log = await untilReached(openLog, { logger });
  const followed = new Revocations({ log, clock: systemClock, logger });
  revocations = followed;
  // Before anything is let in: a session that ended while this process was down must not get through.
  await followed.start();
  const gate = createGate({ service: name, cluster, ring, clock: systemClock, revocations: followed });
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
  const created = create(config.service as Static<T>, platform, peers);
  service = created;

  const http = createHttpServer(platform);
  await created.routes(http);
  onUpgrade(http, (request, stream, head) => {
    if (created.upgrade) created.upgrade(request, stream, head);
    else stream.destroy();
  });
  const rpc = created.rpc?.bind(created);
  const rpcServer = rpc && (await serveRpc({ host, port: ports.rpc, gate, logger, metrics: platform.metrics, routes: rpc }));
  await created.start();
  await http.listen({ host, port: ports.http });
  started = true;
  logger.info({ ports }, 'ready');

  return async () => {
    started = false;
    const closing = Promise.all([http.close(), rpcServer?.close()]);
    await created.stop();
    await closing;
    await followed.stop();
    await log.close();
    await db.end();
    await side.close();
    ring.close();
    signing.close();
    await stopTracing();
  };
}

/**
 * Throws when the database refuses the service, or is not the one that it should be. One that does not answer is asked
 * again beside the work, since much of that goes on without it; a refusal then goes to `fail`.
 */
async function checkDatabase(
  access: Parameters<typeof checkConnection>[0],
  logger: Logger,
  fail: (error: unknown) => never,
): Promise<void> {
  const unreachable = Promise.withResolvers<void>();
  const checked = untilReached(() => checkConnection(access), { logger, onUnreachable: unreachable.resolve });
  const waits = await Promise.race([checked.then(() => false), unreachable.promise.then(() => true)]);
  if (waits) checked.then(() => logger.info('the database answers'), fail);
}
