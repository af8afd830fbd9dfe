import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import { MIGRATIONS as CONVERSATION_MIGRATIONS } from '@starling/conversation/migrations';
import { MIGRATIONS as IDENTITY_MIGRATIONS } from '@starling/identity/migrations';
import { configureIdentity } from '@starling/identity/options';
import { systemClock } from '@starling/platform/clock';
import { ConfigError } from '@starling/platform/config';
import { checkConnection, createPool, type DatabaseAccess, type MigrationSet, migrate } from '@starling/platform/db';
import { checkAdministrator, checkBrokers, createTopics, openKafkaLog } from '@starling/platform/log/kafka';
import { ensureEpoch, LOG_MIGRATIONS } from '@starling/platform/log/postgres';
import { readKafkaSecurity } from '@starling/platform/process';
import type { Logger } from '@starling/platform/telemetry';
import { readAuthority } from '@starling/platform/tls';
import { ensureKeys, keyFile } from '@starling/platform/tokens';
import { MIGRATIONS as USER_MIGRATIONS } from '@starling/user/migrations';
import { configureWeb } from '@starling/web/options';
import { makeServiceUsers } from './broker-users.ts';
import { checkLogOf } from './check-log.ts';
import type { Options } from './options.ts';
import { keyPlaceOf } from './rotate-keys.ts';

const MIGRATIONS: Record<ServiceName, MigrationSet[]> = {
  identity: IDENTITY_MIGRATIONS,
  user: USER_MIGRATIONS,
  conversation: CONVERSATION_MIGRATIONS,
  delivery: [],
  web: [],
};
/** Those that keep what they have read from the log. */
const PROJECTING = ['identity', 'user', 'conversation'] as const;

/** One process to start, and the ports at which it will be reached. */
export interface ProcessPlan {
  /** `delivery-1`, … */
  label: string;
  service: ServiceName;
  configFile: string;
  ports: { http: number; rpc: number; side: number };
}

/**
 * Brings database and topics up to date and writes keys and configuration files. It alone has the administrator's
 * rights; the services get a role, a key and a file each. `deliveryUrl`: where all delivery pods are reached as one.
 */
export async function setUp(
  options: Options,
  context: { logger: Logger; say(line: string): void; ports: () => Promise<number>; deliveryUrl: string },
): Promise<ProcessPlan[]> {
  const { say } = context;
  const [webConfig, identityConfig] = [configureWeb(options), configureIdentity(options)];
  const directory = options.data;
  const databaseAuthority = options['postgres-ca'];
  const database: DatabaseAccess = {
    url: options.postgres,
    ca: databaseAuthority && (await readAuthority('--postgres-ca', databaseAuthority)),
  };
  const brokers = {
    brokers: options.kafka.split(','),
    clientId: 'starling-set-up',
    logger: context.logger,
    ...(await readKafkaSecurity(kafkaSecurity(options), {
      tlsAuthority: '--kafka-ca',
      user: '--kafka-user',
      passwordFile: '--kafka-password-file',
    })),
  };
  if (brokers.sasl && !brokers.tls)
    throw new ConfigError('--kafka-user needs --kafka-ca: without TLS the network learns what the services log in with');
  // Nothing is changed before both answer: the roles' passwords are those of this start's secret from then on.
  await checkConnection({ ...database, settings: { url: '--postgres', ca: '--postgres-ca' } });
  await (brokers.sasl ? checkAdministrator(brokers) : checkBrokers(brokers));
  await mkdir(join(directory, 'config'), { recursive: true, mode: 0o700 });
  const secret = await ensureSecret(join(directory, 'secret'));

  say('bringing the database up to date');
  const admin = { adminUrl: database.url, ca: database.ca, secret };
  const logUrl = await migrate({ ...admin, schema: 'log', sets: [LOG_MIGRATIONS] });
  const { epoch, partitions } = await chooseEpoch({ ...database, url: logUrl }, options.partitions, context.logger);
  const databaseUrls = new Map<ServiceName, string>();
  for (const name of SERVICE_NAMES) databaseUrls.set(name, await migrate({ ...admin, schema: name, sets: MIGRATIONS[name] }));

  say('making the topics');
  await createTopics({ ...brokers, epoch, partitions });
  const log = await openKafkaLog({ ...brokers, clock: systemClock, epoch, partitions });
  try {
    for (const name of PROJECTING)
      await checkLogOf(name, { log, database: { ...database, url: databaseUrls.get(name) ?? '' }, logger: context.logger });
  } finally {
    await log.close();
  }
  const { tlsAuthority } = kafkaSecurity(options);
  const kafka = { brokers: brokers.brokers, epoch, partitions, ...(tlsAuthority === undefined ? {} : { tlsAuthority }) };
  const brokerLogins = brokers.sasl && (await makeServiceUsers(brokers, { epoch, secret, directory: join(directory, 'config') }));
  if (!brokerLogins)
    say('the brokers do not tell the services apart, and let each do whatever they let anybody do: there is no --kafka-user');

  const keyPlace = keyPlaceOf(directory);
  await ensureKeys(keyPlace);

  const labels = SERVICE_NAMES.flatMap((service): { service: ServiceName; label: string }[] =>
    service === 'delivery'
      ? Array.from({ length: options.delivery }, (_, index) => ({ service, label: `delivery-${index + 1}` }))
      : [{ service, label: service }],
  );
  const plans: ProcessPlan[] = [];
  for (const { service, label } of labels) {
    const ports = { http: await context.ports(), rpc: await context.ports(), side: await context.ports() };
    plans.push({ label, service, ports, configFile: join(directory, 'config', `${label}.json`) });
  }
  const peers = Object.fromEntries(
    plans.map(({ service, ports }) => [
      service,
      { http: service === 'delivery' ? context.deliveryUrl : `http://127.0.0.1:${ports.http}`, rpc: `http://127.0.0.1:${ports.rpc}` },
    ]),
  );
  const own: Record<ServiceName, (label: string) => object> = {
    identity: () => ({ ...identityConfig, secret: createHmac('sha256', secret).update('identity').digest('base64url') }),
    user: () => ({}),
    conversation: () => ({}),
    delivery: (label) => ({ pod: label }),
    web: () => webConfig,
  };
  for (const { service, label, ports, configFile } of plans) {
    const databaseUrlFile = join(directory, 'config', `${service}.database-url`);
    await writeFile(databaseUrlFile, `${databaseUrls.get(service)}\n`, { mode: 0o600 });
    const config = {
      service: own[service](label),
      cluster: 'processes',
      host: '127.0.0.1',
      ports,
      databaseUrlFile,
      ...(databaseAuthority === undefined ? {} : { databaseAuthority }),
      kafka: { ...kafka, ...brokerLogins?.get(service) },
      keys: { private: keyFile(keyPlace.directory, service), public: keyPlace.publicFile },
      peers,
      ...(options.trace ? { traceFile: join(directory, 'traces', `traces-${label}.jsonl`) } : {}),
    };
    await writeFile(configFile, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  }
  return plans;
}

function kafkaSecurity(options: Options): { tlsAuthority?: string; user?: string; passwordFile?: string } {
  const [tlsAuthority, user, passwordFile] = [options['kafka-ca'], options['kafka-user'], options['kafka-password-file']];
  return {
    ...(tlsAuthority === undefined ? {} : { tlsAuthority }),
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
  };
}

/** The epoch in force and its partition counts, which only the first set-up chooses. */
async function chooseEpoch(database: DatabaseAccess, count: number, logger: Logger): ReturnType<typeof ensureEpoch> {
  const pool = createPool({ ...database, logger, max: 1, applicationName: 'starling set-up' });
  try {
    return await ensureEpoch(pool, { conversations: count, receipts: count, users: count });
  } finally {
    await pool.end();
  }
}

async function ensureSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    return ensureSecret(file);
  }
}
