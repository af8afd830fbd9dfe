import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MigrationSet, migrate } from './migrate.ts';
import { roleName, rolePassword } from './roles.ts';

let database: TestDatabase;
let directory: string;
const opened: pg.Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'starling-migrations-'));
});
afterAll(async () => {
  await Promise.all(opened.map((client) => client.end()));
  const admin = await connect(database.url);
  const { rows } = await admin.query<{ rolname: string }>('SELECT rolname FROM pg_roles WHERE starts_with(rolname, current_database())');
  for (const { rolname } of rows)
    await admin.query(`DROP OWNED BY ${pg.escapeIdentifier(rolname)}; DROP ROLE ${pg.escapeIdentifier(rolname)}`);
  await admin.end();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

async function open(url: string): Promise<pg.Client> {
  const client = await connect(url);
  opened.push(client);
  return client;
}

async function createSet(name: string, files: Record<string, string>): Promise<MigrationSet> {
  const folder = join(directory, name);
  await mkdir(folder, { recursive: true });
  for (const [file, sql] of Object.entries(files)) await writeFile(join(folder, file), `-- Up Migration\n${sql}\n-- Down Migration\n`);
  return { name, directory: pathToFileURL(folder) };
}

const run = (schema: string, sets: MigrationSet[], secret = 'secret') => migrate({ adminUrl: database.url, schema, secret, sets });

describe('migrating', () => {
  it('applies each file once, in the order of their names, and only new ones the next time', async () => {
    const first = {
      '0001_a.sql': 'CREATE TABLE thing (n int);',
      '0002_b.sql': 'ALTER TABLE thing ADD m int; INSERT INTO thing VALUES (1, 2);',
    };
    const url = await run('alpha', [await createSet('alpha', first)]);
    const client = await open(url);
    await run('alpha', [await createSet('alpha', first)]);
    expect((await client.query('SELECT n, m FROM thing')).rows).toEqual([{ n: 1, m: 2 }]);
    await run('alpha', [await createSet('alpha', { ...first, '0003_c.sql': 'INSERT INTO thing VALUES (3, 4);' })]);
    expect((await client.query('SELECT n FROM thing ORDER BY n')).rows).toEqual([{ n: 1 }, { n: 3 }]);
  });

  it('keeps sets of the same file names apart', async () => {
    const sets = [
      await createSet('one', { '0001_x.sql': 'CREATE TABLE one ();' }),
      await createSet('two', { '0001_x.sql': 'CREATE TABLE two ();' }),
    ];
    const client = await open(await run('beta', sets));
    await client.query('SELECT FROM one, two');
  });

  it('leaves nothing of a file that fails, and says what is wrong with it', async () => {
    const good = await createSet('gamma', { '0001_a.sql': 'CREATE TABLE good ();' });
    const broken = await createSet('gamma-broken', { '0001_a.sql': 'CREATE TABLE half (); SELECT nonsense;' });
    await expect(run('gamma', [good, broken])).rejects.toThrow(/nonsense/);
    const mended = await createSet('gamma-broken', { '0001_a.sql': 'CREATE TABLE half ();' });
    await (await open(await run('gamma', [good, mended]))).query('SELECT FROM good, half');
  });
});

describe('the role of a service', () => {
  it('uses the tables of its own schema, and does not shape them or others', async () => {
    const client = await open(await run('delta', [await createSet('delta', { '0001_a.sql': 'CREATE TABLE thing (id serial, n int);' })]));
    await run('epsilon', [await createSet('epsilon', { '0001_a.sql': 'CREATE TABLE private (n int);' })]);
    expect((await client.query('SELECT current_schema() AS name')).rows).toEqual([{ name: 'delta' }]);
    await client.query('INSERT INTO thing (n) VALUES (1), (2); UPDATE thing SET n = 3 WHERE n = 2; DELETE FROM thing WHERE n = 1');
    expect((await client.query('SELECT n FROM thing')).rows).toEqual([{ n: 3 }]);
    const forbidden = [
      'CREATE TABLE another ()',
      'CREATE TABLE public.another ()',
      'CREATE SCHEMA another',
      'ALTER TABLE thing ADD m int',
      'DROP TABLE thing',
      'TRUNCATE thing',
      'SELECT FROM epsilon.private',
      'INSERT INTO epsilon.private VALUES (1)',
      'CREATE TABLE epsilon.another ()',
      'CREATE ROLE another',
      `SET ROLE ${pg.escapeIdentifier(roleName(new URL(database.url).pathname.slice(1), 'epsilon'))}`,
    ];
    for (const statement of forbidden)
      await expect(client.query(statement), statement).rejects.toMatchObject({ code: expect.stringMatching(/^42501$/) });
  });

  it('logs in with a password that is derived from the secret, each with its own', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const url = new URL(await run('zeta', []));
    expect(decodeURIComponent(url.username)).toBe(roleName(name, 'zeta'));
    expect(decodeURIComponent(url.password)).toBe(rolePassword('secret', roleName(name, 'zeta')));
    expect(rolePassword('secret', 'a')).not.toBe(rolePassword('secret', 'b'));
    expect(rolePassword('secret', 'a')).not.toBe(rolePassword('other', 'a'));
    expect(rolePassword('secret', 'a')).toMatch(/^[\w-]{43}$/);
    const admin = await open(database.url);
    const stored = async () =>
      (await admin.query<{ rolpassword: string }>('SELECT rolpassword FROM pg_authid WHERE rolname = $1', [roleName(name, 'zeta')])).rows[0]
        ?.rolpassword;
    const before = await stored();
    // Another secret takes over: who lost it can still start.
    await open(await run('zeta', [], 'new secret'));
    expect(await stored()).not.toBe(before);
  });

  it('is of its own also where the database has the longest name', async () => {
    const admin = await open(database.url);
    const name = `${new URL(database.url).pathname.slice(1)}_${'long'.repeat(20)}`.slice(0, 63);
    await admin.query(`CREATE DATABASE ${name}`);
    const url = new URL(database.url);
    url.pathname = `/${name}`;
    const start = async (schema: string) =>
      connect(
        await migrate({
          adminUrl: url.href,
          schema,
          secret: 'secret',
          sets: [await createSet(`long-${schema}`, { '0001_a.sql': `CREATE TABLE of_${schema} ();` })],
        }),
      );
    const clients = [await start('identity'), await start('user'), await start('identity')];
    const seen = async (client?: pg.Client) => (await client?.query('SELECT current_user AS role, current_schema() AS schema'))?.rows[0];
    expect(await Promise.all(clients.map(seen))).toEqual(
      ['identity', 'user', 'identity'].map((schema) => ({ role: roleName(name, schema), schema })),
    );
    await expect(clients[1]?.query('SELECT FROM identity.of_identity')).rejects.toMatchObject({ code: '42501' });
    await Promise.all(clients.map((client) => client.end()));
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  it('may have a name that must be quoted', async () => {
    const client = await open(await run('Odd-name', [await createSet('odd', { '0001_a.sql': 'CREATE TABLE thing ();' })]));
    await client.query('SELECT FROM thing');
  });
});
