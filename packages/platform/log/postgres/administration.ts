import { setTimeout as delay } from 'node:timers/promises';
import { type CursorTopic, RULES_LEVEL } from '@starling/contracts/log';
import pg from 'pg';
import { connectionConfig, type DatabaseAccess } from '../../db/index.ts';

/** Any number, the same in every version: who prepares an installation's data holds it. */
const PREPARATION_LOCK = 7_302;
const LOCK_POLL_MS = 500;

/** Another process prepares the same data, and has not ended. */
export class PreparationBusyError extends Error {
  override readonly name = 'PreparationBusyError';
}

/** The log follows newer rules than this version knows. */
export class RulesLevelError extends Error {
  override readonly name = 'RulesLevelError';
}

/** A version between this one and the one that the data are of has been left out. */
export class SkippedVersionError extends Error {
  override readonly name = 'SkippedVersionError';
}

/** An epoch of the log, with the numbers of its topics' partitions. */
export interface Epoch {
  epoch: number;
  partitions: Record<CursorTopic, number>;
}

/**
 * Does `work` by a connection of the database's administrator, while no other process does: two that bring the same data
 * up to date would be in each other's way. The lock goes with the connection, however that ends.
 *
 * @param options.lockMs how long another process is waited for.
 * @throws PreparationBusyError
 */
export async function asAdministrator<T>(
  access: DatabaseAccess,
  { lockMs }: { lockMs: number },
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(connectionConfig(access));
  // Whoever uses the connection hears of its loss from their query.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('SET search_path TO log');
    const deadline = Date.now() + lockMs;
    while (!(await tryLock(client))) {
      if (Date.now() >= deadline) throw new PreparationBusyError('another process prepares the same database: wait until it has ended');
      await delay(LOCK_POLL_MS);
    }
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [PREPARATION_LOCK]);
  return rows[0]?.locked === true;
}

/** The epoch in force; undefined: there has been none. */
export async function selectEpoch(client: pg.Client): Promise<Epoch | undefined> {
  if (!(await hasTable(client, 'log_epoch'))) return undefined;
  const { rows } = await client.query<Epoch>('SELECT epoch, partitions FROM log_epoch ORDER BY epoch DESC LIMIT 1');
  return rows[0];
}

/**
 * Enters an epoch whose topics are there, in one transaction with `work`. The epoch that is in force already is entered
 * again without anything happening; `work` is not called then.
 */
export async function enterEpoch(client: pg.Client, { epoch, partitions }: Epoch, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    const { rowCount } = await client.query('INSERT INTO log_epoch VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      epoch,
      JSON.stringify(partitions),
    ]);
    if (rowCount) await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** The level of the log's rules that is in force: 1 until it is raised. */
async function selectRulesLevel(client: pg.Client): Promise<number> {
  if (!(await hasTable(client, 'rules_level'))) return 1;
  const { rows } = await client.query<{ level: number }>('SELECT coalesce(max(level), 1) AS level FROM rules_level');
  return rows[0]?.level ?? 1;
}

/** The level that is in force. Throws a RulesLevelError when it is beyond `known`, that of this version. */
export async function requireKnownRules(client: pg.Client, known: number = RULES_LEVEL): Promise<number> {
  const level = await selectRulesLevel(client);
  if (level > known)
    throw new RulesLevelError(`the log follows rules of level ${level}, and this version knows ${known}: use a newer version`);
  return level;
}

/** Takes down that a level has come into force in every partition. */
export async function noteRulesLevel(client: pg.Client, level: number): Promise<void> {
  await client.query('INSERT INTO rules_level (level) VALUES ($1) ON CONFLICT DO NOTHING', [level]);
}

/** A version of Starling, without what only mends. */
export interface Version {
  major: number;
  minor: number;
}

/**
 * Whether data that the newest version so far has prepared can be read by this one: that one is at most one minor version
 * newer, since each drops nothing that the one before reads.
 */
export async function canReadData(client: pg.Client, own: Version): Promise<boolean> {
  const newest = await selectNewest(client);
  return newest !== undefined && newest.major === own.major && newest.minor <= own.minor + 1;
}

/**
 * Throws a SkippedVersionError when the data are more than one minor version older: the one between may have moved what
 * this one no longer reads.
 */
export async function refuseSkippedVersion(client: pg.Client, own: Version): Promise<void> {
  const newest = await selectNewest(client);
  if (!newest) return;
  const next = own.major === newest.major ? own.minor <= newest.minor + 1 : own.major < newest.major || isFirstAfter(own, newest);
  if (!next)
    throw new SkippedVersionError(
      `the data are of version ${newest.major}.${newest.minor}, and this is ${own.major}.${own.minor}: upgrade by one minor version at a time`,
    );
}

function isFirstAfter(own: Version, before: Version): boolean {
  return own.major === before.major + 1 && own.minor === 0;
}

/** The newest version so far that has prepared the data. */
async function selectNewest(client: pg.Client): Promise<Version | undefined> {
  if (!(await hasTable(client, 'data_version'))) return undefined;
  const { rows } = await client.query<Version>('SELECT major, minor FROM data_version ORDER BY major DESC, minor DESC LIMIT 1');
  return rows[0];
}

/** Takes down that this version has prepared the data. */
export async function noteVersion(client: pg.Client, { major, minor }: Version): Promise<void> {
  await client.query('INSERT INTO data_version (major, minor) VALUES ($1, $2) ON CONFLICT DO NOTHING', [major, minor]);
}

async function hasTable(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [`log.${name}`]);
  return rows[0]?.there === true;
}
