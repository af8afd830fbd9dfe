import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { connectionConfig, type DatabaseAccess } from './connect.ts';
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
  ca?: DatabaseAccess['ca'];
  schema: string;
  secret: string;
  sets: MigrationSet[];
  /** The schema may have migrations of a newer version, which this one can live with; they stay. */
  keepNewer?: boolean;
}): Promise<string> {
  const client = new pg.Client(connectionConfig({ url: options.adminUrl, ca: options.ca }));
  await client.connect();
  try {
    const url = await ensureServiceRole(client, options);
    for (const set of options.sets) {
      if (!options.keepNewer) await refuseNewer(client, options.schema, set);
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

/**
 * Changes nothing. Throws a NewerSchemaError when one of these schemas was brought up to date by a version that has
 * migrations which this one does not know.
 */
export async function refuseNewerSchemas(client: pg.Client, schemas: Readonly<Record<string, readonly MigrationSet[]>>): Promise<void> {
  for (const [schema, sets] of Object.entries(schemas)) for (const set of sets) await refuseNewer(client, schema, set);
}

/** The last migration of a set that this version knows, such as `0002_names`. */
export async function latestMigration(set: MigrationSet): Promise<string | undefined> {
  return (await namesOf(set)).at(-1);
}

async function namesOf(set: MigrationSet): Promise<string[]> {
  return (await readdir(set.directory)).map((file) => file.replace(/\.sql$/, '')).sort();
}

async function refuseNewer(client: pg.Client, schema: string, set: MigrationSet): Promise<void> {
  const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(migrationsTable(set))}`;
  const { rows: found } = await client.query('SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = $2', [
    schema,
    migrationsTable(set),
  ]);
  if (found.length === 0) return;
  const known = new Set(await namesOf(set));
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY id`);
  const unknown = rows.find(({ name }) => !known.has(name));
  if (unknown) throw new NewerSchemaError(`the schema ${schema} has the migration ${unknown.name}, which this version does not know`);
}

function migrationsTable({ name }: MigrationSet): string {
  return `migration_${name}`;
}
