import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import { configureIdentity } from '@starling/identity/options';
import { ConfigError } from '@starling/platform/config';
import type { DatabaseAccess } from '@starling/platform/db';
import { brokerPassword, brokerUserOf } from '@starling/platform/log/kafka';
import { openKafkaSecurity } from '@starling/platform/process';
import type { Logger } from '@starling/platform/telemetry';
import { readAuthority } from '@starling/platform/tls';
import { ensureKeys, keyFile } from '@starling/platform/tokens';
import { configureWeb } from '@starling/web/options';
import type { Options } from './options.ts';
import { checkData, prepareData } from './prepare-data.ts';
import { keyPlaceOf } from './rotate-keys.ts';

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
  const { logger } = context;
  const security = await openKafkaSecurity(
    kafkaSecurity(options),
    { tlsAuthority: '--kafka-ca', user: '--kafka-user', passwordFile: '--kafka-password-file' },
    { logger },
  );
  const brokers = { brokers: options.kafka.split(','), clientId: 'starling-set-up', logger, ...security.connection };
  if (brokers.sasl && !brokers.tls)
    throw new ConfigError('--kafka-user needs --kafka-ca: without TLS the network learns what the services log in with');
  // Nothing is changed before both answer: the roles' passwords are those of this start's secret from then on.
  await checkData({ database, brokers }, { url: '--postgres', ca: '--postgres-ca' });
  await mkdir(join(directory, 'config'), { recursive: true, mode: 0o700 });
  const secret = await ensureSecret(join(directory, 'secret'));
  const count = options.partitions;
  const ofFirst = { conversations: count, receipts: count, users: count };
  const { epoch, partitions, databaseUrls } = await prepareData({ database, brokers, secret, partitions: ofFirst, logger, say });
  security.close();
  if (!brokers.sasl)
    say('the brokers do not tell the services apart, and let each do whatever they let anybody do: there is no --kafka-user');
  const { tlsAuthority } = kafkaSecurity(options);
  const kafka = { brokers: brokers.brokers, epoch, partitions, ...(tlsAuthority === undefined ? {} : { tlsAuthority }) };

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
  const own: Record<ServiceName, () => object> = {
    identity: () => ({ ...identityConfig, secret: createHmac('sha256', secret).update('identity').digest('base64url') }),
    user: () => ({}),
    conversation: () => ({}),
    delivery: () => ({ drainSeconds: 2 }),
    web: () => webConfig,
  };
  for (const { service, label, ports, configFile } of plans) {
    const databaseUrlFile = await writeSecret(directory, `${service}.database-url`, databaseUrls.get(service) ?? '');
    const user = brokerUserOf(service);
    const passwordFile = brokers.sasl && (await writeSecret(directory, `${service}.kafka-password`, brokerPassword(secret, user)));
    const config = {
      service: own[service](),
      cluster: 'processes',
      host: '127.0.0.1',
      ports,
      databaseUrlFile,
      ...(databaseAuthority === undefined ? {} : { databaseAuthority }),
      kafka: { ...kafka, ...(passwordFile && { user, passwordFile }) },
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

/** Writes into a file of the configuration's folder what no configuration may hold; returns its path. */
async function writeSecret(directory: string, name: string, text: string): Promise<string> {
  const file = join(directory, 'config', name);
  await writeFile(file, `${text}\n`, { mode: 0o600 });
  return file;
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
