import type { CursorTopic } from '@starling/contracts/log';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import type { Clock } from '../clock/index.ts';
import { createPool, type MigrationSet, migrate } from '../db/index.ts';
import { createHttpServer } from '../http/index.ts';
import type { EventLog } from '../log/index.ts';
import { LOG_MIGRATIONS, openPostgresLog } from '../log/postgres/index.ts';
import { type Metrics, measureAppends } from '../metrics/index.ts';
import { createLocalTransport, lazyTransport } from '../rpc/index.ts';
import type { Platform, Service } from '../service/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { createGate, createMinter, openLocalKeys, Revocations } from '../tokens/index.ts';

export interface LocalPlatformOptions {
  /** postgres:// URL of a role that may create roles and schemas. */
  adminUrl: string;
  /** From which the passwords of the services' roles are derived. */
  secret: string;
  /** Where the services' signing keys are kept; made when absent, read again when they are rotated. */
  keyDirectory: string;
  /** How often it is looked whether they have been; 5 s unless given. */
  keyPollMs?: number;
  /** Names the installation in the audience of tokens. */
  cluster: string;
  partitions: Record<CursorTopic, number>;
  /** The migrations of each service; none for those without tables. */
  migrations: Partial<Record<ServiceName, MigrationSet[]>>;
  clock: Clock;
  createLogger(name: ServiceName | 'log'): Logger;
  /** Of the whole process. */
  metrics: Metrics;
  /** Opens another log than the one on the same database. */
  openLog?(logger: Logger): Promise<EventLog>;
  /** Puts something before the log on the same database. */
  wrapLog?(log: EventLog): EventLog;
}

/**
 * Everything that services need, in one process: the event log on PostgreSQL, a role and schema for each, keys, and
 * calls to one another that carry tokens as they would between processes.
 */
export interface LocalPlatform {
  readonly log: EventLog;
  /** What `createX(config, platform)` is given. */
  platform(name: ServiceName): Platform;
  /** Makes a service known to the others. Services may be made before those that they call. */
  register(name: ServiceName, service: Service): void;
  /** The HTTP server with a registered service's routes; it does not listen. */
  http(name: ServiceName): FastifyInstance;
  /** Why what all services stand on is not ready, in a few words each. */
  unready(): string[];
  /** The registered services. */
  services(): Iterable<Service>;
  /** Reads what ended sessions concern living tokens, then starts the registered services, in the order of their registration. */
  start(): Promise<void>;
  /** Stops them in the reverse order, then what they stand on; once, however often it is called. */
  stop(): Promise<void>;
}

export async function openLocalPlatform(options: LocalPlatformOptions): Promise<LocalPlatform> {
  const { adminUrl, secret, cluster, clock, createLogger, metrics } = options;
  const keys = await openLocalKeys(SERVICE_NAMES, {
    directory: options.keyDirectory,
    clock,
    logger: createLogger('log'),
    pollMs: options.keyPollMs,
  });
  const pools: pg.Pool[] = [];

  async function openSchema(schema: ServiceName | 'log', sets: MigrationSet[], logger: Logger): Promise<pg.Pool> {
    const url = await migrate({ adminUrl, schema, secret, sets });
    const pool = createPool({ url, logger, applicationName: `starling ${schema}` });
    pools.push(pool);
    return pool;
  }

  const logLogger = createLogger('log');
  const { wrapLog = (unwrapped) => unwrapped } = options;
  const log = options.openLog
    ? await options.openLog(logLogger)
    : wrapLog(
        await openPostgresLog({
          pool: await openSchema('log', [LOG_MIGRATIONS], logLogger),
          clock,
          logger: logLogger,
          partitions: options.partitions,
        }),
      );
  const revocations = new Revocations({ log, clock, logger: logLogger });
  const platforms = new Map<ServiceName, Platform>();
  for (const name of SERVICE_NAMES) {
    const logger = createLogger(name);
    platforms.set(name, {
      db: await openSchema(name, options.migrations[name] ?? [], logger),
      log: measureAppends(log, metrics.of(name)),
      minter: createMinter({ signing: keys.signing(name), cluster, clock }),
      gate: createGate({ service: name, cluster, ring: keys.ring, clock, revocations }),
      rpc: (callee) => lazyTransport(() => openTransport(name, callee)),
      logger,
      metrics: metrics.of(name),
      clock,
    });
  }
  const services = new Map<ServiceName, Service>();
  const servers = new Map<ServiceName, FastifyInstance>();
  const started: Service[] = [];

  function openTransport(caller: ServiceName, callee: ServiceName) {
    const { logger, gate, metrics: calleeMetrics } = known(platforms, callee);
    const service = known(services, callee);
    return createLocalTransport({
      callee,
      minter: known(platforms, caller).minter,
      gate,
      logger,
      metrics: calleeMetrics,
      routes: (router) => service.rpc?.(router),
    });
  }

  let stopping: Promise<void> | undefined;
  async function stopAll(): Promise<void> {
    // No new requests; but a server is closed only when its sockets are, which is for the services to do.
    const closing = Promise.all([...servers.values()].map((app) => app.close()));
    for (const service of started.reverse()) await service.stop();
    await closing;
    await revocations.stop();
    keys.close();
    await log.close();
    await Promise.all(pools.map((pool) => pool.end()));
  }

  return {
    log,
    platform: (name) => known(platforms, name),
    register(name, service) {
      services.set(name, service);
    },
    http(name) {
      const held = servers.get(name);
      if (held) return held;
      const app = createHttpServer({ ...known(platforms, name), service: name });
      const service = known(services, name);
      app.register((scope, _options, done) => {
        Promise.resolve(service.routes(scope)).then(() => done(), done);
      });
      servers.set(name, app);
      return app;
    },
    unready: () => revocations.unready(),
    services: () => services.values(),
    async start() {
      await revocations.start();
      for (const service of services.values()) {
        if (stopping !== undefined) return;
        started.push(service);
        await service.start();
      }
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

function known<K extends string, V>(map: Map<K, V>, name: K): V {
  const value = map.get(name);
  if (value === undefined) throw new Error(`${name} is not part of this composition`);
  return value;
}
