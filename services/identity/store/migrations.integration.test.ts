import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { migrate } from '@starling/platform/db';
import { createTestDatabase } from '@starling/testing/database';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS } from './migrations.ts';
import { hashSecret } from './secrets.ts';

test('sessions that were begun before their secrets were hashed go on, and accounts keep what they are', async () => {
  const database = await createTestDatabase();
  const before = await mkdtemp(join(tmpdir(), 'starling-test-migrations-'));
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(async () => {
    const { rows } = await client.query<{ role: string }>(
      'SELECT rolname AS role FROM pg_roles WHERE starts_with(rolname, current_database())',
    );
    for (const { role } of rows) await client.query(`DROP OWNED BY ${pg.escapeIdentifier(role)}; DROP ROLE ${pg.escapeIdentifier(role)}`);
    await client.end();
    await database.drop();
    await rm(before, { recursive: true });
  });
  const own = MIGRATIONS.at(-1);
  const first = (await readdir(own?.directory as URL)).filter((file) => file.startsWith('0001_'));
  for (const file of first) await cp(join(fileURLToPath(own?.directory as URL), file), join(before, file));
  const access = { adminUrl: database.url, schema: 'identity', secret: 'only of a test' };
  const older = [...MIGRATIONS.slice(0, -1), { name: 'identity', directory: pathToFileURL(`${before}/`) }];
  await migrate({ ...access, sets: older });
  await client.query('SET search_path = identity');
  const secret = `${'aB3'.repeat(10)}xy`;
  const { rows: users } = await client.query(`INSERT INTO "user" (name, email) VALUES ('Ann', 'ann@example.org') RETURNING id`);
  await client.query(`INSERT INTO session (token, "userId", "expiresAt") VALUES ($1, $2, now() + interval '1 day')`, [secret, users[0].id]);
  await migrate({ ...access, sets: MIGRATIONS });
  const { rows } = await client.query('SELECT token, role, disabled, rev FROM session JOIN "user" ON "user".id = "userId"');
  expect(rows).toEqual([{ token: hashSecret(secret)?.toString('hex'), role: 'member', disabled: false, rev: '1' }]);
});
