import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceName } from '@starling/contracts/services';
import { systemClock } from '@starling/platform/clock';
import { createPool, roleName, rolePassword } from '@starling/platform/db';
import type { EventLog } from '@starling/platform/log';
import { brokerPassword, brokerUserOf, openKafkaLog } from '@starling/platform/log/kafka';
import { createLogger } from '@starling/platform/telemetry';
import type { Brokers } from '@starling/testing/brokers';
import { createTestDatabase } from '@starling/testing/database';
import { onTestFinished } from 'vitest';
import { expand, type OtherProgram } from './expand.ts';
import type { JobConfig } from './job-config.ts';
import { raiseRulesLevel } from './raise-rules-level.ts';
import { attemptJob, type JobResult } from './run-job.ts';

const PARTITIONS = { conversations: 2, receipts: 1, users: 2 };
const logger = createLogger({ service: 'test', level: 'fatal' });

type Pool = ReturnType<typeof createPool>;

/** An installation's data, on a database of its own and in epochs of its own of the test's brokers. */
export interface TestInstallation {
  config: JobConfig;
  /** The file of the configuration. */
  write(changes?: Partial<JobConfig>): Promise<string>;
  expand(changes?: Partial<JobConfig>, program?: OtherProgram): Promise<JobResult>;
  raise(level: number, changes?: Partial<JobConfig>): Promise<JobResult>;
  admin: Pool;
  /** Connects as a service does, by its own role and its own user. */
  poolOf(service: ServiceName): Pool;
  logOf(service: ServiceName, epoch?: number): Promise<EventLog>;
}

export async function createTestInstallation({ secured }: Brokers): Promise<TestInstallation> {
  if (!secured) throw new Error('the brokers must be secured');
  const [database, folder] = [await createTestDatabase(), await mkdtemp(join(tmpdir(), 'starling-job-'))];
  const url = new URL(database.url);
  const secret = randomBytes(32).toString('base64url');
  async function file(name: string, text: string): Promise<string> {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  }
  const config: JobConfig = {
    database: {
      host: url.hostname,
      port: Number(url.port),
      database: url.pathname.slice(1),
      administrator: {
        usernameFile: await file('database-user', decodeURIComponent(url.username)),
        passwordFile: await file('database-password', `${decodeURIComponent(url.password)}\n`),
      },
    },
    kafka: {
      brokers: secured.brokers,
      tlsAuthority: await file('ca.crt', secured.ca),
      administrator: {
        usernameFile: await file('broker-user', secured.sasl.username),
        passwordFile: await file('broker-password', secured.sasl.password),
      },
    },
    rootSecretFile: await file('root', secret),
    epoch: randomInt(1, 1000),
    logExpected: false,
    partitions: PARTITIONS,
    retentionDays: 7,
  };
  const admin = createPool({ url: database.url, logger, applicationName: 'test' });
  const opened: { end(): Promise<void> }[] = [];
  const logs: EventLog[] = [];
  onTestFinished(async () => {
    await Promise.all(logs.map((log) => log.close()));
    await Promise.all(opened.map((pool) => pool.end()));
    await dropRoles(admin);
    await admin.end();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    config,
    write: (changes = {}) => file('config.json', JSON.stringify({ ...config, ...changes })),
    expand: (changes = {}, program = {}) => attemptJob(() => expand({ ...config, ...changes }, logger, program), { logger, retryForMs: 0 }),
    raise: (level, changes = {}) => attemptJob(() => raiseRulesLevel({ ...config, ...changes }, logger, level), { logger, retryForMs: 0 }),
    admin,
    poolOf(service) {
      const own = new URL(url);
      const role = roleName(config.database.database, service);
      Object.assign(own, { username: role, password: rolePassword(secret, role) });
      const pool = createPool({ url: own.href, logger, applicationName: 'test' });
      opened.push(pool);
      return pool;
    },
    async logOf(service, epoch = config.epoch) {
      const user = brokerUserOf(service);
      const log = await openKafkaLog({
        brokers: secured.brokers,
        tls: { ca: secured.ca },
        sasl: { mechanism: 'scram-sha-512', username: user, password: brokerPassword(secret, user) },
        clientId: user,
        clock: systemClock,
        logger,
        epoch,
        partitions: PARTITIONS,
      });
      logs.push(log);
      return log;
    },
  };
}

async function dropRoles(admin: Pool): Promise<void> {
  const { rows } = await admin.query<{ statement: string }>(
    `SELECT format('DROP OWNED BY %1$I; DROP ROLE %1$I', rolname) AS statement FROM pg_roles WHERE starts_with(rolname, current_database() || '_')`,
  );
  for (const { statement } of rows) await admin.query(statement);
}
