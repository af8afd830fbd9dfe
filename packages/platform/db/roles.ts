import { createHash, createHmac } from 'node:crypto';
import pg from 'pg';

/** PostgreSQL cuts longer names, in bytes, and would take two that begin alike for one. */
const NAME_BYTES = 63;
const HASH_DIGITS = 16;

/** The role with which one service reaches its schema. Roles belong to a whole server, hence the database's name in it. */
export function roleName(database: string, schema: string): string {
  const name = `${database}_${schema}`;
  if (Buffer.byteLength(name) <= NAME_BYTES) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  const ending = `_${startOf(schema, NAME_BYTES / 2)}_${hash}`;
  return startOf(database, NAME_BYTES - Buffer.byteLength(ending)) + ending;
}

/** As many whole characters as fit into that many bytes. */
function startOf(text: string, bytes: number): string {
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes), { stream: true });
}

/** The password of a service's role: derived, so that the only secret to keep is one. */
export function rolePassword(secret: string, role: string): string {
  return createHmac('sha256', secret).update(`database role ${role}`).digest('base64url');
}

/**
 * Makes schema and login role of one service, or mends them. The role may use the tables of its own schema and nothing
 * else; it owns nothing, so it cannot change a table's shape. Returns the URL with which the service connects.
 */
export async function ensureServiceRole(client: pg.Client, options: { adminUrl: string; schema: string; secret: string }): Promise<string> {
  const url = new URL(options.adminUrl);
  const database = decodeURIComponent(url.pathname.slice(1));
  const role = roleName(database, options.schema);
  const password = rolePassword(options.secret, role);
  const [quotedRole, quotedSchema, quotedDatabase] = [role, options.schema, database].map((name) => pg.escapeIdentifier(name));
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role]);
  await client.query(`${rowCount ? 'ALTER' : 'CREATE'} ROLE ${quotedRole} LOGIN PASSWORD ${pg.escapeLiteral(password)}`);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${quotedSchema}`);
  await client.query(`ALTER ROLE ${quotedRole} IN DATABASE ${quotedDatabase} SET search_path TO ${quotedSchema}`);
  await client.query(`GRANT USAGE ON SCHEMA ${quotedSchema} TO ${quotedRole}`);
  await client.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${quotedSchema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${quotedRole}`);
  await client.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${quotedSchema} GRANT USAGE, SELECT ON SEQUENCES TO ${quotedRole}`);
  url.username = encodeURIComponent(role);
  url.password = encodeURIComponent(password);
  return url.href;
}
