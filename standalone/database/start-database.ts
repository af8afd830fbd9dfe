import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import { type Binaries, findBinaries } from './binaries.ts';
import { createCluster, lastComplaint, readClusterVersion, removeDrafts, superuser } from './create-cluster.ts';
import { type DataDirectory, diskFull, errorCode, explain, openDataDirectory, readPassword, tellsFullDisk } from './data-directory.ts';
import type { Database } from './database.ts';
import { type Ownership, takeOwnership } from './ownership.ts';
import { endPostmaster, findPostmaster, isRunning, type Postmaster, removeStaleFile, startPostmaster } from './postmaster.ts';
import { chooseServerUser, giveTo, proveReach, type ServerUser } from './server-user.ts';
import { StartError } from './start-error.ts';

/** @internal */
export const databaseName = 'starling';

/** How long an owner may take to let go, in ms. */
const ownershipPatience = 5000;

/** How long a server may take to answer that says it is ready, or to go once it is ending, in ms. */
const serverPatience = 30_000;

const defaultSettings: Record<string, string> = {
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  fsync: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  // Statements and their parameters may hold what people wrote.
  log_min_error_statement: 'panic',
  log_parameter_max_length_on_error: '0',
};

export interface StartOptions {
  /** The data directory; it is made if it is absent. */
  directory: string;
  /** Prints one line about the progress. */
  say(line: string): void;
  /** Aborting ends what was begun and rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Settings of the server over ours; for tests, which need no durability. */
  settings?: Record<string, string>;
  /** The start is refused below this; 100 MB unless a test says otherwise. */
  requiredFreeBytes?: number | undefined;
}

/**
 * Starts the embedded PostgreSQL of a data directory, after making both if need be, and owns it. A server that a killed Starling left behind
 * is taken over. Throws StartError.
 */
export async function startDatabase({ directory, say, signal, settings = {}, requiredFreeBytes }: StartOptions): Promise<Database> {
  signal?.throwIfAborted();
  const data = await openDataDirectory(directory, requiredFreeBytes);
  const binaries = await findBinaries();
  const start: Start = { data, binaries, user: undefined, password: '', settings: { ...defaultSettings, ...settings }, say, signal };
  try {
    start.user = await chooseServerUser(data.cluster);
    const version = await proveReach(data.root, binaries, start.user);
    await removeDrafts(data);
    await provideCluster(start, version);
    return await runServer(start);
  } catch (error) {
    throw explain(error, data.root);
  }
}

interface Start {
  data: DataDirectory;
  binaries: Binaries;
  user: ServerUser | undefined;
  password: string;
  settings: Record<string, string>;
  say(line: string): void;
  signal: AbortSignal | undefined;
}

async function provideCluster(start: Start, version: number): Promise<void> {
  const { data, binaries, user, settings, say, signal } = start;
  const found = await readClusterVersion(data);
  if (found !== undefined && found !== version) {
    throw new StartError(
      `The database in ${data.cluster} was made by PostgreSQL ${found}, and this Starling brings PostgreSQL ${version}: start the Starling that made it, or choose another folder with --data.`,
    );
  }
  start.password = await readPassword(data, { create: found === undefined });
  if (found !== undefined) return giveTo(data.cluster, user);
  say('creating the database (only at the first start, takes some seconds)');
  await createCluster(data, { binaries, user, password: start.password, sync: settings['fsync'] !== 'off', signal });
}

async function runServer(start: Start): Promise<Database> {
  const { data, say, signal } = start;
  let deadline = Date.now() + serverPatience;
  for (;;) {
    signal?.throwIfAborted();
    const living = await findPostmaster(data.cluster);
    const outcome = living === undefined ? await startServer(start) : await adoptServer(start, living);
    if (typeof outcome !== 'string') return outcome;
    // A server that recovers takes the time that it needs; every other state must pass.
    if (living !== undefined && (living.status === 'starting' || living.status === '')) deadline = Date.now() + serverPatience;
    if (Date.now() > deadline) {
      throw new StartError(`The database in ${data.root} does not start: ${outcome}; see ${data.log}.`);
    }
    say(`waiting for the database: ${outcome}`);
    await delay(500, undefined, signal && { signal });
  }
}

/** Starts a server; a string says why that must be tried again. */
async function startServer(start: Start): Promise<Database | string> {
  const { data, binaries, user, settings, say, signal } = start;
  if (await removeStaleFile(data.cluster)) say('the database was not shut down cleanly and recovers now');
  else say('starting the database');
  const started = await startPostmaster(binaries.postgres, {
    cluster: data.cluster,
    log: data.log,
    user,
    settings,
    signal,
    onSlow: () => say(`the database is still recovering (its log: ${data.log})`),
  });
  if ('log' in started) return explainEnd(start, started.log);
  try {
    await createDatabase(connection(start, started.port, 'postgres'));
    const ownership = await takeOwnership(connection(start, started.port), ownershipPatience);
    // Between our server's start and our lock another Starling may have taken it over: it is its server then.
    if ('holder' in ownership) throw inUse(data, ownership.holder);
    return own(start, started.pid, started.port, ownership);
  } catch (error) {
    if (error instanceof StartError) throw error;
    await endPostmaster(data.cluster, started.pid, 2000);
    throw explainAnswer(data, error) ?? error;
  }
}

/** What is to be done about a server that ended at its start: a reason to try again, or StartError. */
function explainEnd({ data }: Start, log: string): string {
  if (tellsFullDisk(log)) throw diskFull(data.root);
  if (/Address already in use|could not create any TCP\/IP sockets/.test(log)) return 'its port was taken by another program';
  if (/lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(log))
    return 'an earlier server of it is still ending';
  throw new StartError(`The database in ${data.root} did not start (see ${data.log}): ${lastComplaint(log)}`);
}

/** Takes over the server that lives; a string says why that must be tried again. Throws StartError if another Starling owns it. */
async function adoptServer(start: Start, { pid, port, status }: Postmaster): Promise<Database | string> {
  const { data, say } = start;
  if (status !== 'ready') return `its server (pid ${pid}) is ${status || 'starting'}`;
  try {
    await createDatabase(connection(start, port, 'postgres'));
    const ownership = await takeOwnership(connection(start, port), ownershipPatience);
    if ('holder' in ownership) throw inUse(data, ownership.holder);
    say(`taking over the database that a killed Starling left running (pid ${pid})`);
    return own(start, pid, port, ownership);
  } catch (error) {
    const refusal = error instanceof StartError ? error : explainAnswer(data, error);
    if (refusal !== undefined) throw refusal;
    return `its server (pid ${pid}) does not answer (${errorCode(error) ?? 'no reason given'})`;
  }
}

/** What the user must do about an error of a server that answers; undefined: nothing, it may pass. */
function explainAnswer(data: DataDirectory, error: unknown): StartError | undefined {
  switch (errorCode(error)) {
    case '28P01':
      return new StartError(`The password in ${data.secrets} does not fit the database in ${data.root}: restore both from one backup.`);
    case '53100':
      return diskFull(data.root);
    default:
      return undefined;
  }
}

function inUse(data: DataDirectory, holder: string): StartError {
  return new StartError(`Another Starling is running on ${data.root} (${holder}): stop it, or choose another folder with --data.`);
}

function own({ data, password }: Start, pid: number, port: number, ownership: Ownership): Database {
  return {
    url: `postgres://${superuser}:${password}@127.0.0.1:${port}/${databaseName}?sslmode=disable`,
    onLost(listener) {
      ownership.onLost(() => {
        listener(
          isRunning(pid)
            ? `The connection that owns the database in ${data.root} was lost.`
            : `The database server of ${data.root} ended; see ${data.log}.`,
        );
      });
    },
    async stop() {
      // The lock is held until the server is gone, so that nobody takes over a server that is ending.
      ownership.expectEnd();
      await endPostmaster(data.cluster, pid, 3000);
      await ownership.release();
    },
  };
}

function connection({ password }: Start, port: number, database = databaseName): ClientConfig {
  return { host: '127.0.0.1', port, user: superuser, password, database, ssl: false, connectionTimeoutMillis: 5000 };
}

async function createDatabase(config: ClientConfig): Promise<void> {
  const client = new Client(config);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseName]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${databaseName}`);
  } catch (error) {
    // Another starter of the same cluster was quicker.
    if (errorCode(error) !== '42P04' && errorCode(error) !== '23505') throw error;
  } finally {
    await client.end();
  }
}
