import { ConfigError, readConfiguredFile } from '@starling/platform/config';
import type { DatabaseAccess } from '@starling/platform/db';
import type { KafkaConnection } from '@starling/platform/log/kafka';
import { openKafkaSecurity } from '@starling/platform/process';
import type { Logger } from '@starling/platform/telemetry';
import { readAuthority } from '@starling/platform/tls';
import Type from 'typebox';

const exact = { additionalProperties: false };
const File = Type.String({ minLength: 1 });
const Count = Type.Integer({ minimum: 1, maximum: 1024 });
const Administrator = Type.Object({ usernameFile: File, passwordFile: File }, exact);

/** The configuration file of a Job that works on the data of an installation as their administrator. */
export const JobConfig = Type.Object(
  {
    database: Type.Object(
      {
        host: Type.String({ minLength: 1 }),
        port: Type.Integer({ minimum: 1, maximum: 65_535 }),
        database: Type.String({ minLength: 1 }),
        administrator: Administrator,
        /** PEM of the authority that the database's certificate must come from: TLS; absent: plain. */
        authority: Type.Optional(File),
      },
      exact,
    ),
    kafka: Type.Object(
      {
        brokers: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
        /** PEM of the authority that the brokers' certificates must come from: TLS; absent: plain. */
        tlsAuthority: Type.Optional(File),
        /** Of brokers that tell their users apart (SCRAM-SHA-512). */
        administrator: Type.Optional(Administrator),
      },
      exact,
    ),
    /** From which the passwords of the services' roles and users derive. */
    rootSecretFile: File,
    epoch: Type.Integer({ minimum: 1, maximum: 1023 }),
    /** The topics have been there: one that is missing is lost. */
    logExpected: Type.Boolean(),
    partitions: Type.Object({ conversations: Count, receipts: Count, users: Count }, exact),
    /** For how long the log keeps posts, facts and what concerns users. */
    retentionDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 365 })),
  },
  exact,
);
export type JobConfig = Type.Static<typeof JobConfig>;

/** How the errors of a connection call what the database was given by. */
export const DATABASE_SETTINGS = { url: 'database', ca: 'database.authority' };

/** Reads the files that say how the database is reached. Throws a ConfigError. */
export async function readDatabase({ host, port, database, administrator, authority }: JobConfig['database']): Promise<DatabaseAccess> {
  const [username, password] = await Promise.all([
    readConfiguredFile('database.administrator.usernameFile', administrator.usernameFile),
    readConfiguredFile('database.administrator.passwordFile', administrator.passwordFile),
  ]);
  const url = new URL('postgres://localhost');
  Object.assign(url, { hostname: host, port: String(port), pathname: `/${encodeURIComponent(database)}` });
  Object.assign(url, { username: encodeURIComponent(username), password: encodeURIComponent(password) });
  if (url.hostname === 'localhost' && host !== 'localhost') throw new ConfigError('database.host is no host');
  return { url: url.href, ...(authority !== undefined && { ca: await readAuthority('database.authority', authority) }) };
}

/** Reads the files that say how the brokers are reached. Throws a ConfigError. */
export async function readBrokers(
  { brokers, tlsAuthority, administrator }: JobConfig['kafka'],
  { logger }: { logger: Logger },
): Promise<KafkaConnection> {
  if (administrator && tlsAuthority === undefined)
    throw new ConfigError('kafka.administrator needs kafka.tlsAuthority: without TLS the network learns what the services log in with');
  const user = administrator && (await readConfiguredFile('kafka.administrator.usernameFile', administrator.usernameFile));
  const { connection, close } = await openKafkaSecurity(
    { tlsAuthority, user, passwordFile: administrator?.passwordFile },
    { tlsAuthority: 'kafka.tlsAuthority', user: 'kafka.administrator.usernameFile', passwordFile: 'kafka.administrator.passwordFile' },
    { logger },
  );
  close();
  return { brokers, clientId: 'starling-job', logger, ...connection };
}
