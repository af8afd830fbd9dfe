import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import type { ServiceName } from '@starling/contracts/services';
import { systemClock } from '../clock/index.ts';
import { readConfiguredFile } from '../config/index.ts';
import { checkConnection, createPool } from '../db/index.ts';
import { createHttpServer, onUpgrade, openIngress, type TakeUpgrade } from '../http/index.ts';
import { openKafkaLog } from '../log/kafka/index.ts';
import { createMetrics, measureAppends, openSidePort } from '../metrics/index.ts';
import { createNetworkTransport, serveRpc } from '../rpc/index.ts';
import type { Platform, Service } from '../service/index.ts';
import { type Logger, startTracing } from '../telemetry/index.ts';
import { type Certificates, openAuthority, openCertificates } from '../tls/index.ts';
import { createGate, createMinter, openKeyRing, openSigningKeys, Revocations } from '../tokens/index.ts';
import { tracePage } from '../trace-page/index.ts';
import { openKafkaSecurity } from './kafka-security.ts';
import type { ProcessConfig } from './process-config.ts';
import { untilReached } from './start-errors.ts';

/** A service that also takes over upgrades of its HTTP server's connections. */
export interface ProcessService extends Service {
  upgrade?(request: IncomingMessage, stream: Duplex, head: Buffer): void;
}

/** How other processes are reached. */
export interface Peers {
  addresses: Record<ServiceName, { http: string; rpc: string }>;
  /** What is shown to them, and believed of them; undefined: the connections are plain. */
  certificates: Certificates | undefined;
}

/** A service that has started. */
export interface Running {
  /** The process is unready from the call on. Takes as long as the service's own configuration says. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one service with all that it stands on. `fail` is told what only shows later that it cannot be mended here. */
export async function startService(
  definition: {
    name: ServiceName;
    config: ProcessConfig;
    create(platform: Platform, peers: Peers): ProcessService | Promise<ProcessService>;
  },
  logger: Logger,
  fail: (error: unknown) => never,
): Promise<Running> {
  const { name, config, create } = definition;
  const { cluster, host, ports, kafka, keys, tls, peers } = config;
  const metrics = createMetrics();
  const stopTracing = startTracing({ service: name, otlpEndpoint: config.otlpEndpoint, file: config.traceFile });
  const keyOptions = { clock: systemClock, logger, pollMs: keys.pollMs };
  const ring = await openKeyRing({ ...keyOptions, file: keys.public });
  const signing = await openSigningKeys({ ...keyOptions, issuer: name, file: keys.private });
  const certificates = tls && (await openCertificates({ ...tls, logger }));
  const minter = createMinter({ signing, cluster, clock: systemClock });
  let service: ProcessService | undefined;
  let revocations: Revocations | undefined;
  let state: 'starting' | 'ready' | 'stopping' = 'starting';
  const reasons = () => [...(state === 'ready' ? [] : [state]), ...(revocations?.unready() ?? []), ...(service?.unready?.() ?? [])];
  const traces = tracePage(config.traceFile && dirname(config.traceFile));
  const routes = () => ({ '/traces': traces, ...service?.sideRoutes?.() });
  const side = await openSidePort({ host, port: ports.side, metrics, reasons, routes });

  const { databaseUrlFile, databaseAuthority } = config;
  const authority =
    databaseAuthority && (await openAuthority('databaseAuthority', { file: databaseAuthority, pollMs: tls?.pollMs, logger }));
  const database = { url: await readConfiguredFile('databaseUrlFile', databaseUrlFile), ca: authority ? authority.current : undefined };
  const security = await openKafkaSecurity(
    kafka,
    { tlsAuthority: 'kafka.tlsAuthority', user: 'kafka.user', passwordFile: 'kafka.passwordFile' },
    { pollMs: tls?.pollMs, logger },
  );
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
      ...security.connection,
    });
  const log = await untilReached(openLog, { logger });
  const followed = new Revocations({ log, clock: systemClock, logger });
  revocations = followed;
  // Before anything is let in: a session that ended while this process was down must not get through.
  await followed.start();
  const hostOf = tls && ((caller: string) => hostsOf(peers).get(caller));
  const gate = createGate({ service: name, cluster, ring, clock: systemClock, revocations: followed, hostOf });
  const platform: Platform = {
    db,
    log: measureAppends(log, metrics.of(name)),
    minter,
    gate,
    rpc: (callee) => createNetworkTransport({ callee, baseUrl: peers[callee].rpc, minter, certificates }),
    logger,
    metrics: metrics.of(name),
    clock: systemClock,
  };
  const created = await create(platform, { addresses: peers, certificates });
  service = created;

  const http = createHttpServer({ ...platform, tls: certificates?.serverOptions() });
  certificates?.follow(http.server as Server);
  await created.routes(http);
  // A server is closed only when its sockets are, which is for the service to do: this is known before.
  const answered = Promise.withResolvers<void>();
  http.addHook('preClose', async () => answered.resolve());
  const upgrade: TakeUpgrade = (request, stream, head) => {
    if (created.upgrade) created.upgrade(request, stream, head);
    else stream.destroy();
  };
  onUpgrade(http, upgrade);
  const rpc = created.rpc?.bind(created);
  const rpcServer = rpc && (await serveRpc({ host, port: ports.rpc, gate, logger, metrics: platform.metrics, certificates, routes: rpc }));
  await created.start();
  await http.listen({ host, port: ports.http });
  const ingress = ports.ingress === undefined ? undefined : await openIngress(http, { host, port: ports.ingress, upgrade });
  state = 'ready';
  logger.info({ ports }, 'ready');

  return {
    async drain() {
      state = 'stopping';
      await created.drain?.();
    },
    async stop() {
      state = 'stopping';
      // The ingress still answers until what came by it has been answered.
      const closing = Promise.all([http.close().then(() => ingress?.close()), rpcServer?.close()]);
      await answered.promise;
      await created.stop();
      await closing;
      await followed.stop();
      await log.close();
      await db.end();
      await side.close();
      for (const held of [ring, signing, certificates, authority, security]) if (held) held.close();
      await stopTracing();
    },
  };
}

/** The host by which the others name each service, and which its certificate is for. */
function hostsOf(peers: ProcessConfig['peers']): Map<string, string> {
  return new Map(Object.entries(peers).map(([name, { http }]) => [name, new URL(http).hostname]));
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
