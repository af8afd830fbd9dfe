import { Client, type ClientConfig } from 'pg';
import { errorCode } from './data-directory.ts';
import type { Database } from './database.ts';
import { takeOwnership } from './ownership.ts';
import { StartError } from './start-error.ts';

const oldestVersion = 15;

/** Owns a database on a server of one's own. Throws StartError; no message holds the password. */
export async function attachDatabase({ url, say }: { url: string; say(line: string): void }): Promise<Database> {
  const target = parseTarget(url);
  say(`connecting to ${target.name}`);
  const config: ClientConfig = { connectionString: url, connectionTimeoutMillis: 5000 };
  try {
    refuseServer(target, await describeServer(config));
    const ownership = await takeOwnership(config, 5000);
    if ('holder' in ownership) {
      throw new StartError(`Another Starling is running on ${target.name} (${ownership.holder}): stop it, or use another database.`);
    }
    return {
      url,
      onLost(listener) {
        ownership.onLost(() => listener(`The connection that owns ${target.name} was lost.`));
      },
      stop: () => ownership.release(),
    };
  } catch (error) {
    throw error instanceof StartError ? error : explainConnection(error, target);
  }
}

/** @internal A server as its user knows it. */
export interface Target {
  /** such as: the database "chat" on db.example:5432 */
  name: string;
  server: string;
  database: string;
  user: string;
}

function parseTarget(url: string): Target {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'postgres:' && parsed?.protocol !== 'postgresql:') {
    throw new StartError('The value of --database is not a PostgreSQL URL: write postgres://user:password@host:5432/database.');
  }
  const user = decode(parsed.username);
  const database = decode(parsed.pathname.slice(1)) || user;
  const server = `${parsed.hostname || parsed.searchParams.get('host') || 'localhost'}:${parsed.port || '5432'}`;
  return { name: `the database "${database}" on ${server}`, server, database, user };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @internal */
export interface ServerDescription {
  /** such as 180004 */
  version: number;
  encoding: string;
}

async function describeServer(config: ClientConfig): Promise<ServerDescription> {
  const client = new Client(config);
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string; encoding: string }>(
      `SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding`,
    );
    return { version: Number(rows[0]?.version), encoding: rows[0]?.encoding ?? '' };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @internal Throws StartError if Starling cannot work on that server. */
export function refuseServer(target: Target, { version, encoding }: ServerDescription): void {
  const major = Math.floor(version / 10_000);
  if (major < oldestVersion) {
    throw new StartError(
      `The server ${target.server} is PostgreSQL ${major}, and Starling needs ${oldestVersion} or newer: update it, or use another one.`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new StartError(
      `The database "${target.database}" on ${target.server} stores text as ${encoding}, and Starling needs UTF8: make one with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'.`,
    );
  }
}

function explainConnection(error: unknown, { server, database, user }: Target): StartError {
  const code = errorCode(error);
  switch (code) {
    case '28P01':
    case '28000':
      return new StartError(
        `The server ${server} refuses the user "${user}": check the user and the password in --database, and the server's pg_hba.conf.`,
      );
    case '3D000':
      return new StartError(
        `There is no database "${database}" on ${server}: make it with CREATE DATABASE, or name another one in --database.`,
      );
    case '42501':
      return new StartError(
        `The user "${user}" may not use the database "${database}" on ${server}: grant it CONNECT, or use another user in --database.`,
      );
    case '53300':
      return new StartError(`The server ${server} has no connection left: raise its max_connections, or end other clients.`);
    default: {
      const reason = code ?? (error instanceof Error ? error.message : String(error));
      return new StartError(
        `No PostgreSQL server answers on ${server} (${reason}): check the host and the port in --database, and that it is running.`,
      );
    }
  }
}
