import { Client } from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from './index.ts';

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

test('each database is empty, on its own and stores UTF-8', async () => {
  const [first, second] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await query(first.url, 'CREATE TABLE word (text text)');
  await query(first.url, `INSERT INTO word VALUES ('Ünïcode 🐦')`);
  expect(await query(first.url, 'SELECT upper(text) AS text FROM word')).toEqual([{ text: 'ÜNÏCODE 🐦' }]);
  expect(await query(second.url, `SELECT current_setting('server_encoding') AS encoding, to_regclass('word') AS word`)).toEqual([
    { encoding: 'UTF8', word: null },
  ]);
  await Promise.all([first.drop(), second.drop()]);
});

test('a dropped database is gone, even with a connection left open', async () => {
  const database = await createTestDatabase();
  const left = new Client({ connectionString: database.url });
  left.on('error', () => undefined);
  await left.connect();
  await database.drop();
  await expect(query(database.url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
});
