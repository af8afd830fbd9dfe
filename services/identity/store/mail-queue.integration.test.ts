import { transaction } from '@starling/platform/db';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createMailQueue, type MailQueue } from './mail-queue.ts';
import { MIGRATIONS } from './migrations.ts';

let database: TestDatabase;
let platform: TestPlatform;
let db: pg.Pool;
let queue: MailQueue;

beforeAll(async () => {
  database = await createTestDatabase();
  platform = await createTestPlatform({ database, services: { identity: MIGRATIONS } });
  db = platform.platform('identity').db;
  queue = createMailQueue(db);
});

afterAll(async () => {
  await platform.stop();
  await database.drop();
});

beforeEach(() => db.query('DELETE FROM mail_job'));

const add = (count: number) =>
  transaction(db, async (tx) => {
    for (let number = 0; number < count; number++)
      await queue.add(tx, { kind: 'password-changed', subject: null, email: `person-${number}@example.org` });
  });

async function secondsToNext(): Promise<number> {
  const { rows } = await db.query('SELECT extract(epoch FROM next_at - now())::float8 AS seconds FROM mail_job');
  return rows[0].seconds;
}

const letTimePass = () => db.query('UPDATE mail_job SET next_at = now()');

test('however many take jobs at once, each is taken by one', async () => {
  await add(200);
  // Connections that are there already, or one would be done before the next has its own.
  const connections = await Promise.all(Array.from({ length: 10 }, () => db.connect()));
  for (const connection of connections) connection.release();
  const claims = await Promise.all(Array.from({ length: 30 }, () => queue.claim(10)));
  const ids = claims.flat().map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  // Who finds one taken passes on to the next; in the end none is left.
  while ((await queue.claim(10)).length > 0);
  expect(ids.length).toBeGreaterThan(10);
});

test('a job that was taken comes back after 30 s, unless it was removed', async () => {
  await add(1);
  const [job] = await queue.claim(5);
  expect(job).toMatchObject({ kind: 'password-changed', subject: null, email: 'person-0@example.org' });
  expect(await queue.claim(5)).toEqual([]);
  expect(await secondsToNext()).toBeGreaterThan(25);
  await letTimePass();
  expect(await queue.claim(5)).toEqual([job]);
  await queue.remove(job?.id ?? '');
  await letTimePass();
  expect(await queue.claim(5)).toEqual([]);
});

test('a job that failed is tried again later each time, at most a minute; one that was not tried to the end at once', async () => {
  await add(1);
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 9; attempt++) {
    const [job] = await queue.claim(1);
    await queue.postpone(job?.id ?? '');
    waits.push(Math.ceil(await secondsToNext()));
    await letTimePass();
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  const [job] = await queue.claim(1);
  await queue.release(job?.id ?? '');
  expect(await queue.claim(1)).toEqual([job]);
});

test('a job of which nothing is of use any more is neither taken nor kept', async () => {
  await add(2);
  await db.query(`UPDATE mail_job SET give_up_at = now() WHERE email = 'person-0@example.org'`);
  expect((await queue.claim(5)).map(({ email }) => email)).toEqual(['person-1@example.org']);
  expect(await queue.giveUp()).toBe(1);
  expect(await queue.giveUp()).toBe(0);
});

test('a job whose transaction was rolled back was never there', async () => {
  const failing = transaction(db, async (tx) => {
    await queue.add(tx, { kind: 'password-changed', subject: null, email: 'nobody@example.org' });
    throw new Error('it was not to be');
  });
  await expect(failing).rejects.toThrow('it was not to be');
  expect(await queue.claim(5)).toEqual([]);
});
