import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { CursorTopic } from '@starling/contracts/log';
import type { ServiceName } from '@starling/contracts/services';
import { type Clock, systemClock } from '@starling/platform/clock';
import type { MigrationSet } from '@starling/platform/db';
import { HOP_HEADER } from '@starling/platform/http';
import { type LocalPlatform, openLocalPlatform } from '@starling/platform/local';
import type { EventLog } from '@starling/platform/log';
import { createMetrics } from '@starling/platform/metrics';
import { createLogger } from '@starling/platform/telemetry';
import type { Minter } from '@starling/platform/tokens';
import pg from 'pg';

export interface TestPlatformOptions {
  /** An empty database, as {@link createTestDatabase} makes it; it stays the caller's. */
  database: { url: string };
  /** The migrations of the services that will run. */
  services: Partial<Record<ServiceName, MigrationSet[]>>;
  clock?: Clock;
  /** Partitions of each topic, 2 unless given: more than one, so that what relies on a single one fails. */
  partitions?: Partial<Record<CursorTopic, number>>;
  /** How often it is looked whether the keys have changed; 5 s unless given. */
  keyPollMs?: number;
  /** Another log than the one on the database; it ends with the platform. */
  openLog?(): Promise<EventLog>;
}

/** What services run on in a test: everything real (schemas and roles, event log, keys and tokens), in one process. */
export interface TestPlatform extends LocalPlatform {
  /** The headers with which `caller` (web unless given) calls a service's HTTP for a user. */
  headersFor(callee: ServiceName, user: string, caller?: ServiceName): Promise<Record<string, string>>;
  /** A token of identity's; of a member, for the API, and `session` new, unless given. */
  mintUserToken(claims: Partial<Parameters<Minter['mintUserToken']>[0]> & { user: string }): Promise<string>;
  /** Everything that was logged, as JSON lines. */
  logLines: readonly string[];
  /** Where the services' keys are. */
  keyDirectory: string;
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
  const local = await openLocalPlatform({
    adminUrl: database.url,
    secret: 'only of a test',
    keyDirectory,
    ...(options.keyPollMs === undefined ? {} : { keyPollMs: options.keyPollMs }),
    ...(options.openLog && { openLog: options.openLog }),
    cluster: 'test',
    partitions: { conversations: 2, receipts: 2, users: 2, ...options.partitions },
    migrations: options.services,
    clock,
    metrics: createMetrics(),
    createLogger: (service) => createLogger({ service, destination: sink }),
  });
  const { minter } = local.platform('identity');
  let stopping: Promise<void> | undefined;
  async function stopAll(): Promise<void> {
    await local.stop();
    await dropRoles(database.url);
    await rm(keyDirectory, { recursive: true, force: true });
  }

  return {
    ...local,
    logLines,
    keyDirectory,
    async headersFor(callee, user, caller = 'web') {
      const session = randomUUID();
      const { token } = await minter.mintUserToken({ user, session, role: 'member', scope: 'api' });
      const hop = await local.platform(caller).minter.mintHopToken(callee, { user, session, token });
      return { authorization: `Bearer ${token}`, [HOP_HEADER]: hop };
    },
    async mintUserToken(claims) {
      const { token } = await minter.mintUserToken({ session: randomUUID(), role: 'member', scope: 'api', ...claims });
      return token;
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/** Roles belong to the whole server: without this, one that outlives the test run collects them. */
async function dropRoles(adminUrl: string): Promise<void> {
  const database = decodeURIComponent(new URL(adminUrl).pathname.slice(1));
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>('SELECT rolname AS name FROM pg_roles WHERE starts_with(rolname, $1)', [
      `${database}_`,
    ]);
    for (const role of rows.map((row) => pg.escapeIdentifier(row.name))) {
      await client.query(`DROP OWNED BY ${role}`);
      await client.query(`DROP ROLE ${role}`);
    }
  } finally {
    await client.end();
  }
}
