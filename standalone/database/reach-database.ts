import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { superuser } from './create-cluster.ts';
import { openDataDirectory, readPassword } from './data-directory.ts';
import { findPostmaster } from './postmaster.ts';
import { databaseName, startDatabase } from './start-database.ts';
import { StartError } from './start-error.ts';

/**
 * The embedded database of a data directory, for a command beside the server: the one that a running Starling has
 * started, or else one that is started for as long as it is needed. A folder without one is refused and left as it is: its name was mistyped. Throws
 * StartError.
 */
export async function reachDatabase(options: {
  directory: string;
  say(line: string): void;
}): Promise<{ url: string; close(): Promise<void> }> {
  if (!existsSync(join(resolve(options.directory), 'postgres')))
    throw new StartError(`There is no database in ${options.directory}: name the folder of Starling's data with --data.`);
  const data = await openDataDirectory(options.directory);
  const living = await findPostmaster(data.cluster);
  if (living?.status !== 'ready') {
    const database = await startDatabase(options);
    return { url: database.url, close: () => database.stop() };
  }
  const password = await readPassword(data, { create: false });
  return { url: `postgres://${superuser}:${password}@127.0.0.1:${living.port}/${databaseName}?sslmode=disable`, close: async () => {} };
}
