import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Topic } from '@starling/contracts/log';
import { type Clock, systemClock } from '@starling/platform/clock';
import { createPool, type MigrationSet, migrate, roleName } from '@starling/platform/db';
import { createHttpServer, HOP_HEADER } from '@starling/platform/http';
import type { EventLog } from '@starling/platform/log';
import { LOG_MIGRATIONS, openPostgresLog } from '@starling/platform/log/postgres';
import { createLocalTransport } from '@starling/platform/rpc';
import type { Platform, Service, ServiceName } from '@starling/platform/service';
import { createLogger } from '@starling/platform/telemetry';
import { createGate, createMinter, ensureKeys, type Gate, type Minter } from '@starling/platform/tokens';
import pg from 'pg';
import { lazyTransport } from './lazy-transport.ts';

const ISSUERS: readonly ServiceName[] = ['identity', 'user', 'conversation', 'delivery', 'web'];
const CLUSTER = 'test';
const SECRET = 'only of a test';

export interface TestPlatformOptions {
  /** An empty database, as {@link createTestDatabase} makes it; it stays the caller's. */
  database: { url: string };
  /** The services that will run, with their migrations; those without tables: `[]`. */
  services: Partial<Record<ServiceName, MigrationSet[]>>;
  clock?: Clock;
  /** Partitions of each topic, 2 unless given: more than one, so that what relies on a single one fails. */
  partitions?: Partial<Record<Topic, number>>;
}

/** What services run on in a test: everything real (schemas and roles, event log, keys and tokens), in one process. */
export interface TestPlatform {
  /** What `createX(config, platform)` is given; the same object each time. */
  platform(name: ServiceName): Platform;
  /** Makes a service known to `http` and to the RPC of the others. Also before those exist that it calls. */
  register(name: ServiceName, service: Service): void;
  /** Starts the registered services, in the order of their registration. */
  start(): Promise<void>;
  /** The HTTP server with a registered service's routes, ready for `inject` and `listen`. */
  http(name: ServiceName): ReturnType<typeof createHttpServer>;
  log: EventLog;
  /** The headers with which `caller` (web unless given) calls a service's HTTP for a user. */
  headersFor(callee: ServiceName, user: string, caller?: ServiceName): Promise<Record<string, string>>;
  /** A token of identity's; `session` is new unless given. */
  mintUserToken(claims: Partial<Parameters<Minter['mintUserToken']>[0]> & { user: string }): Promise<string>;
  /** Everything that was logged, as JSON lines. */
  logLines: readonly string[];
  /** Stops services and log, ends all connections and removes the roles. */
  stop(): Promise<void>;
}

export async function createTestPlatform(options: TestPlatformOptions): Promise<TestPlatform> {
  const { database, clock = systemClock } = options;
  const logLines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logLines.push(chunk.toString());
      done();
    },
  });
  const keyDirectory = await mkdtemp(join(tmpdir(), 'starling-test-keys-'));
  const { signing, ring } = await ensureKeys(keyDirectory, ISSUERS);
  const minters = new Map<ServiceName, Minter>(
    ISSUERS.map((name) => [name, createMinter({ signing: signing[name], cluster: CLUSTER, clock })]),
  );
  const gates = new Map<ServiceName, Gate>(ISSUERS.map((name) => [name, createGate({ service: name, cluster: CLUSTER, ring, clock })]));

  const pools: pg.Pool[] = [];
  const schemas: string[] = [];
  async function openSchema(schema: string, sets: MigrationSet[]): Promise<pg.Pool> {
    const url = await migrate({ adminUrl: database.url, schema, secret: SECRET, sets });
    const pool = createPool({ url, logger: createLogger({ service: schema, destination: sink }), applicationName: schema });
    schemas.push(schema);
    pools.push(pool);
    return pool;
  }

  const log = await openPostgresLog({
    pool: await openSchema('log', [LOG_MIGRATIONS]),
    clock,
    logger: createLogger({ service: 'log', destination: sink }),
    partitions: { conversations: 2, receipts: 2, users: 2, ...options.partitions },
  });
  const platforms = new Map<ServiceName, Platform>();
  for (const [name, sets] of Object.entries(options.services) as [ServiceName, MigrationSet[]][]) {
    platforms.set(name, {
      db: await openSchema(name, sets),
      log,
      minter: known(minters, name),
      gate: known(gates, name),
      rpc: (callee) => lazyTransport(() => openTransport(name, callee)),
      logger: createLogger({ service: name, destination: sink }),
      clock,
    });
  }

  const services = new Map<ServiceName, Service>();
  const servers = new Map<ServiceName, ReturnType<typeof createHttpServer>>();

  function openTransport(caller: ServiceName, callee: ServiceName) {
    const { logger, gate } = known(platforms, callee);
    const service = known(services, callee);
    return createLocalTransport({ callee, minter: known(minters, caller), gate, logger, routes: (router) => service.rpc?.(router) });
  }

  return {
    platform: (name) => known(platforms, name),
    register(name, service) {
      services.set(name, service);
    },
    async start() {
      for (const service of services.values()) await service.start();
    },
    http(name) {
      const held = servers.get(name);
      if (held) return held;
      const app = createHttpServer({ logger: known(platforms, name).logger });
      const service = known(services, name);
      app.register(async (scope) => service.routes(scope));
      servers.set(name, app);
      return app;
    },
    log,
    async headersFor(callee, user, caller = 'web') {
      const session = randomUUID();
      const { token } = await known(minters, 'identity').mintUserToken({ user, session, scope: 'api' });
      const hop = await known(minters, caller).mintHopToken(callee, { user, session, token });
      return { authorization: `Bearer ${token}`, [HOP_HEADER]: hop };
    },
    async mintUserToken(claims) {
      const { token } = await known(minters, 'identity').mintUserToken({ session: randomUUID(), scope: 'api', ...claims });
      return token;
    },
    logLines,
    async stop() {
      await Promise.all([...servers.values()].map((app) => app.close()));
      for (const service of [...services.values()].reverse()) await service.stop();
      await log.close();
      await Promise.all(pools.map((pool) => pool.end()));
      await dropRoles(database.url, schemas);
      await rm(keyDirectory, { recursive: true, force: true });
    },
  };
}

/** Roles belong to the whole server: without this, one that outlives the test run collects them. */
async function dropRoles(adminUrl: string, schemas: string[]): Promise<void> {
  const database = decodeURIComponent(new URL(adminUrl).pathname.slice(1));
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const schema of schemas) {
      const role = pg.escapeIdentifier(roleName(database, schema));
      await client.query(`DROP OWNED BY ${role}`);
      await client.query(`DROP ROLE ${role}`);
    }
  } finally {
    await client.end();
  }
}

function known<K extends string, V>(map: Map<K, V>, name: K): V {
  const value = map.get(name);
  if (value === undefined)
    throw new Error(`${name} is not part of this test platform: name it in "services", and register it before it is used`);
  return value;
}
