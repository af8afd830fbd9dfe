import { readFile } from 'node:fs/promises';
import { CURSOR_TOPICS, type CursorTopic, positionOf } from '@starling/contracts/log';
import { SERVICE_NAMES, SERVICES, type ServiceName } from '@starling/contracts/services';
import { MIGRATIONS as CONVERSATION_MIGRATIONS } from '@starling/conversation/migrations';
import { MIGRATIONS as IDENTITY_MIGRATIONS } from '@starling/identity/migrations';
import { systemClock } from '@starling/platform/clock';
import { ConfigError } from '@starling/platform/config';
import {
  type ConnectionSettings,
  checkConnection,
  type DatabaseAccess,
  latestMigration,
  type MigrationSet,
  migrate,
  refuseNewerSchemas,
} from '@starling/platform/db';
import { appendRulesRaised, type EventLog } from '@starling/platform/log';
import {
  checkAdministrator,
  checkBrokers,
  createTopics,
  findMissingTopics,
  type KafkaConnection,
  LogLostError,
  LogTopicsError,
  openKafkaLog,
  type Retention,
} from '@starling/platform/log/kafka';
import {
  asAdministrator,
  canReadData,
  type Epoch,
  enterEpoch,
  LOG_MIGRATIONS,
  noteVersion,
  refuseSkippedVersion,
  requireKnownRules,
  selectEpoch,
  type Version,
} from '@starling/platform/log/postgres';
import { reopenRows } from '@starling/platform/outbox';
import { hasProjected } from '@starling/platform/projection';
import type { Logger } from '@starling/platform/telemetry';
import { MIGRATIONS as USER_MIGRATIONS } from '@starling/user/migrations';
import { ensureServiceUsers } from './broker-users.ts';
import { checkLogOf } from './check-log.ts';

/** Those that keep what they have read from the log. */
const PROJECTING = SERVICE_NAMES.filter((name) => SERVICES[name].log.group !== undefined);
const MIGRATIONS: Record<ServiceName, MigrationSet[]> = {
  identity: IDENTITY_MIGRATIONS,
  user: USER_MIGRATIONS,
  conversation: CONVERSATION_MIGRATIONS,
  delivery: [],
  web: [],
};

/** The data of an installation, and how its administrator reaches it. */
export interface DataPlan {
  database: DatabaseAccess;
  /** With a user (`sasl`), the brokers tell the services apart, and each gets a user of its own. */
  brokers: KafkaConnection;
  /** From which the passwords of the services' roles and users are derived. */
  secret: string;
  /** Of an epoch that is entered now. */
  partitions: Record<CursorTopic, number>;
  /** The epoch that is wanted, with exactly `partitions`; unless given: the one in force, as it is, or 1. */
  epoch?: number;
  /** The installation has had its topics: one that is missing is lost, and not made anew. */
  logExpected?: boolean;
  /** A database without an epoch goes with topics without records alone: others are another installation's. */
  ownLog?: boolean;
  retention?: Retention;
  /** Of this program, unless given. */
  version?: Version;
  /** The newest level of the log's rules that this program knows, unless given. */
  knownRules?: number;
  /** How long another process that does the same is waited for. */
  lockMs?: number;
  logger: Logger;
  say(line: string): void;
}

/** What the data have become. */
export interface PreparedData extends Epoch {
  /** The level of the log's rules that is in force. */
  rulesLevel: number;
  /** The last migration of each service that has tables. */
  migrations: Record<string, string>;
  /** With which each service connects to its schema. */
  databaseUrls: Map<ServiceName, string>;
}

const LOCK_MS = 60_000;

/** Connects once to both, and changes nothing. `settings` name the options by which the database was given. */
export async function checkData(
  { database, brokers }: Pick<DataPlan, 'database' | 'brokers'>,
  settings: ConnectionSettings,
): Promise<void> {
  await checkConnection({ ...database, settings });
  await (brokers.sasl ? checkAdministrator(brokers) : checkBrokers(brokers));
}

/**
 * Brings the data of an installation up to date: schemas and roles, the epoch, its topics, the brokers' users and their
 * rights. All that speaks against it is looked for before anything is changed. Done again it changes nothing; killed at
 * any moment, it is to be done again. One process at a time does it.
 *
 * @throws NewerSchemaError, RulesLevelError: a newer version has had the data.
 * @throws SkippedVersionError: the data are more than one minor version older.
 * @throws LogLostError, LogTopicsError: the topics are not there, or not those that the data come from.
 * @throws ConfigError for an epoch or partitions that cannot be.
 */
export function prepareData(plan: DataPlan): Promise<PreparedData> {
  const { database, brokers, secret, logger, say, retention } = plan;
  return asAdministrator(database, { lockMs: plan.lockMs ?? LOCK_MS }, async (client) => {
    const version = plan.version ?? (await readVersion());
    const keepNewer = await canReadData(client, version);
    await refuseSkippedVersion(client, version);
    if (!keepNewer) await refuseNewerSchemas(client, { log: [LOG_MIGRATIONS], ...MIGRATIONS });
    const rulesLevel = await requireKnownRules(client, plan.knownRules);
    const held = await selectEpoch(client);
    const wanted = chooseEpoch(plan, held);
    const entered = held?.epoch === wanted.epoch;
    const hadLog = (plan.logExpected && (entered || !held)) || (entered && (await hasProjected(client, PROJECTING, wanted.epoch)));
    if (hadLog) await refuseLostLog(brokers, wanted.epoch);

    say('bringing the database up to date');
    const admin = { adminUrl: database.url, ca: database.ca, secret, keepNewer };
    await migrate({ ...admin, schema: 'log', sets: [LOG_MIGRATIONS] });
    // Before anything else of this version is there: whoever dies from here on leaves data of it.
    await noteVersion(client, version);
    const databaseUrls = new Map<ServiceName, string>();
    for (const name of SERVICE_NAMES) databaseUrls.set(name, await migrate({ ...admin, schema: name, sets: MIGRATIONS[name] }));

    say('making the topics');
    await createTopics({ ...brokers, ...wanted, ...(retention && { retention }) });
    const log = await openKafkaLog({ ...brokers, ...wanted, clock: systemClock });
    try {
      if (entered) await checkLog(log, { database, databaseUrls, logger });
      else if (!held && plan.ownLog) await requireEmpty(log);
      // Whoever reads the new epoch has to know from its beginning by which rules.
      if (!entered && rulesLevel > 1) await appendRulesRaised(log, rulesLevel);
    } finally {
      await log.close();
    }
    // Before the epoch is entered: whoever still runs by the one before writes no more.
    if (brokers.sasl) await ensureServiceUsers(brokers, { epoch: wanted.epoch, secret });
    await enterEpoch(client, wanted, async () => {
      if (!held) return;
      say(`entering epoch ${wanted.epoch} of the log`);
      for (const name of SERVICE_NAMES) await reopenRows(client, name, positionOf(wanted.epoch, 0));
    });
    return { ...wanted, rulesLevel, migrations: await describeMigrations(), databaseUrls };
  });
}

/** The epoch to be in, of the one that is wanted and the one that is held. */
function chooseEpoch({ epoch, partitions }: DataPlan, held: Epoch | undefined): Epoch {
  if (epoch === undefined) return held ?? { epoch: 1, partitions };
  if (held && epoch < held.epoch) throw new ConfigError(`epoch ${epoch} is over: the data are in epoch ${held.epoch}`);
  if (held?.epoch === epoch)
    for (const [topic, count] of Object.entries(held.partitions))
      if (partitions[topic as CursorTopic] !== count)
        throw new ConfigError(
          `epoch ${epoch} has ${count} partitions of ${topic}, not ${partitions[topic as CursorTopic]}: they are fixed for an epoch`,
        );
  return { epoch, partitions };
}

async function refuseLostLog(brokers: KafkaConnection, epoch: number): Promise<void> {
  const missing = await findMissingTopics({ ...brokers, epoch });
  if (missing.length === 0) return;
  throw new LogLostError(
    `the brokers have lost the topics ${missing.map((topic) => `${topic} of epoch ${epoch}`).join(', ')}: restore them, or begin a new epoch`,
  );
}

async function checkLog(
  log: EventLog,
  { database, databaseUrls, logger }: Pick<DataPlan, 'database' | 'logger'> & Pick<PreparedData, 'databaseUrls'>,
): Promise<void> {
  for (const name of PROJECTING) await checkLogOf(name, { log, database: { ...database, url: databaseUrls.get(name) ?? '' }, logger });
}

/** The topics of a database that is new: whoever has written there does not belong to it. */
async function requireEmpty(log: EventLog): Promise<void> {
  for (const topic of CURSOR_TOPICS)
    if ((await log.endOffsets(topic)).some((end) => end > 0))
      throw new LogTopicsError(
        `the topic ${topic} of epoch ${log.epoch} holds records, and the database is new: restore the database that they belong to, or give the brokers of this installation to nobody else`,
      );
}

/** The last migration of each service that has tables. */
export async function describeMigrations(): Promise<Record<string, string>> {
  const migrations: Record<string, string> = {};
  for (const [name, sets] of Object.entries(MIGRATIONS)) {
    // A service's own come last, behind those of the platform.
    const own = sets.at(-1);
    const latest = own && (await latestMigration(own));
    if (latest !== undefined) migrations[name] = latest;
  }
  return migrations;
}

/** The version of this program. */
async function readVersion(): Promise<Version> {
  const { version } = JSON.parse(await readFile(new URL('./package.json', import.meta.url), 'utf8')) as { version: string };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return { major, minor };
}
