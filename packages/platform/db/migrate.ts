import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { ensureServiceRole } from './roles.ts';

/** A folder of `NNNN_name.sql` files, applied in the order of their names, each once, into the schema of a service. */
export interface MigrationSet {
  /** Names the table in which the set's progress is kept. */
  name: string;
  directory: URL;
}

/**
 * Brings one service's schema up to date as the administrator and returns the URL with which the service itself
 * connects. Running it again changes nothing; a second concurrent run is rejected by node-pg-migrate's lock.
 */
export async function migrate(options: { adminUrl: string; schema: string; secret: string; sets: MigrationSet[] }): Promise<string> {
  const client = new pg.Client({ connectionString: options.adminUrl });
  await client.connect();
  try {
    const url = await ensureServiceRole(client, options);
    for (const set of options.sets) {
      await runner({
        dbClient: client,
        dir: fileURLToPath(set.directory),
        schema: options.schema,
        migrationsSchema: options.schema,
        migrationsTable: `migration_${set.name}`,
        direction: 'up',
        count: Number.POSITIVE_INFINITY,
        log: () => {},
      });
    }
    return url;
  } finally {
    await client.end();
  }
}
