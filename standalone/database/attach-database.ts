import {
  type ConnectionSettings,
  DatabaseConnectionError,
  type DatabaseTarget,
  describeTarget,
  explainConnection,
} from '@starling/platform/db';
import { Client, type ClientConfig } from 'pg';
import type { Database } from './database.ts';
import { takeOwnership } from './ownership.ts';
import { StartError } from './start-error.ts';

const oldestVersion = 15;
const settings: ConnectionSettings = { url: '--database' };

/** Owns a database on a server of one's own. Throws StartError; no message holds the password. */
export async function attachDatabase({ url, say }: { url: string; say(line: string): void }): Promise<Database> {
  const target = tellTarget(url);
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
    throw error instanceof StartError ? error : new StartError(explainConnection(error, target, settings).message);
  }
}

function tellTarget(url: string): DatabaseTarget {
  try {
    return describeTarget(url, settings);
  } catch (error) {
    throw error instanceof DatabaseConnectionError ? new StartError(error.message) : error;
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
export function refuseServer(target: DatabaseTarget, { version, encoding }: ServerDescription): void {
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
