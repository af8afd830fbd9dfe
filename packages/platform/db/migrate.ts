import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { connectionConfig } from './connect.ts';
import { ensureServiceRole } from './roles.ts';

/** A folder of `NNNN_name.sql` files, applied in the order of their names, each once, into the schema of a service. */
export interface MigrationSet {
  /** Names the table in which the set's progress is kept. */
  name: string;
  directory: URL;
}

/** The schema was brought up to date by a version that has migrations which this one does not know. */
export class NewerSchemaError extends Error {
  override name = 'NewerSchemaError';
}

/**
 * Brings one service's schema up to date as the administrator and returns the URL with which the service itself
 * connects. Running it again changes nothing; a second concurrent run is rejected by node-pg-migrate's lock.
 *
 * @param options.ca as in DatabaseAccess.
 */
export async function migrate(options: {
  adminUrl: string;
  ca?: string | undefined;
  schema: string;
  secret: string;
  sets: MigrationSet[];
}): Promise<string> {
  const client = new pg.Client(connectionConfig({ url: options.adminUrl, ca: options.ca }));
  await client.connect();
  try {
    const url = await ensureServiceRole(client, options);
    for (const set of options.sets) {
      await refuseNewer(client, options.schema, set);
      await runner({
        dbClient: client,
        dir: fileURLToPath(set.directory),
        schema: options.schema,
        migrationsSchema: options.schema,
        migrationsTable: migrationsTable(set),
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

async function refuseNewer(client: pg.Client, schema: string, set: MigrationSet): Promise<void> {
  const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(migrationsTable(set))}`;
  const { rows: found } = await client.query('SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = $2', [
    schema,
    migrationsTable(set),
  ]);
  if (found.length === 0) return;
  const known = new Set((await readdir(set.directory)).map((file) => file.replace(/\.sql$/, '')));
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY id`);
  const unknown = rows.find(({ name }) => !known.has(name));
  if (unknown) throw new NewerSchemaError(`the schema ${schema} has the migration ${unknown.name}, which this version does not know`);
}

function migrationsTable({ name }: MigrationSet): string {
  return `migration_${name}`;
}
