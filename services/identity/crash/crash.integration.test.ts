import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@starling/platform/clock';
import { createLogger } from '@starling/platform/telemetry';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createParts, type Parts } from '../parts.ts';
import { MIGRATIONS } from '../store/migrations.ts';

const ROUNDS = 6;
/** BEGIN, user, account, the user's state, session, device, COMMIT. */
const STATEMENTS = 7;
let database: TestDatabase;
let world: TestPlatform;
let db: pg.Pool;
let parts: Parts;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await createTestPlatform({ database, services: { identity: MIGRATIONS } });
  db = world.platform('identity').db;
  const logger = createLogger({ service: 'identity', level: 'fatal' });
  parts = createParts({ db, clock: systemClock, logger, secret: 'x'.repeat(32), stated() {} });
});

afterAll(async () => {
  await world.stop();
  await database.drop();
});

interface Creating {
  child: ChildProcess;
  begun: string[];
  done: string[];
}

function startCreating(prefix: string, ...more: string[]): Creating {
  const script = fileURLToPath(new URL('./test-create-accounts.ts', import.meta.url));
  const child = spawn(process.execPath, [script, db.options.connectionString as string, prefix, ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const creating: Creating = { child, begun: [], done: [] };
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [what, email] = line.split(' ') as ['begin' | 'done', string];
      (what === 'begin' ? creating.begun : creating.done).push(email);
    }
  });
  return creating;
}

/** Waits until the server has noticed that the process is no more. */
async function waitForEnd(prefix: string): Promise<void> {
  const connected = 'SELECT FROM pg_stat_activity WHERE application_name = $1';
  await waitFor(async () => (await admin((client) => client.query(connected, [prefix]))).rowCount === 0);
}

/** Ends the process as a power cut would. */
async function kill({ child }: Creating, prefix: string): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  await waitForEnd(prefix);
}

async function admin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Users that lack an account or a session or have two, and users with anything but exactly one `user.created`; and facts,
 * accounts and sessions without a user.
 */
async function countHalves(): Promise<Record<string, number>> {
  const { rows } = await db.query(
    `SELECT
       (SELECT count(*)::int FROM "user" u WHERE (SELECT count(*) FROM account WHERE "userId" = u.id AND "providerId" = 'credential' AND password IS NOT NULL) <> 1) AS accounts,
       (SELECT count(*)::int FROM "user" u WHERE (SELECT count(*) FROM session WHERE "userId" = u.id) <> 1) AS sessions,
       (SELECT count(*)::int FROM "user" u WHERE (SELECT count(*) FROM outbox WHERE key = u.id::text AND headers->>'kind' = 'user.created') <> 1) AS facts,
       (SELECT count(*)::int FROM outbox WHERE NOT EXISTS (SELECT FROM "user" u WHERE u.id::text = key)) AS stray`,
  );
  return rows[0];
}

const NONE = { accounts: 0, sessions: 0, facts: 0, stray: 0 };

async function hasUser(email: string): Promise<boolean> {
  return (await parts.accounts.findByEmail(email)) !== undefined;
}

/** The address has an account, or can be given one. */
async function expectUsable(email: string): Promise<void> {
  const there = await hasUser(email);
  const again = await parts.accounts.create({ email, name: 'Somebody', role: 'member', passwordHash: 'a hash' }, undefined);
  expect(again === 'exists').toBe(there);
  expect(await hasUser(email)).toBe(true);
}

test('killed before any one statement, there is no user without account and fact, and none the other way', {
  timeout: 120_000,
}, async () => {
  for (let statement = 1; statement <= STATEMENTS; statement++) {
    const prefix = `statement-${statement}`;
    const creating = startCreating(prefix, String(statement));
    await once(creating.child, 'close');
    await waitForEnd(prefix);
    expect([creating.child.signalCode, creating.begun.length, creating.done.length]).toEqual(['SIGKILL', 1, 0]);
    expect(await hasUser(creating.begun[0] as string)).toBe(false);
    expect(await countHalves()).toEqual(NONE);
  }
  // There is no statement more, so that none was left out.
  const whole = startCreating('whole', String(STATEMENTS + 1));
  await once(whole.child, 'close');
  expect([whole.child.exitCode, whole.done.length]).toEqual([0, 1]);
  expect(await countHalves()).toEqual(NONE);
});

test('killed at any moment, no user is without account or fact, and every address can be used', { timeout: 120_000 }, async () => {
  const begun: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const prefix = `round-${round}`;
    const creating = startCreating(prefix);
    const enough = 1 + Math.floor(Math.random() * 50);
    await waitFor(() => creating.done.length >= enough, { deadline: 30_000, describe: `${enough} accounts` });
    await delay(Math.random() * 20);
    await kill(creating, prefix);
    const { rows } = await db.query('SELECT email FROM "user"');
    const written = new Set(rows.map((row) => row.email));
    expect(creating.done.filter((email) => !written.has(email))).toEqual([]);
    begun.push(...creating.begun.filter((email) => !creating.done.includes(email)));
  }
  expect(await countHalves()).toEqual(NONE);
  for (const email of begun) await expectUsable(email);
  expect(await countHalves()).toEqual(NONE);
});

test('killed while the account is written, neither it nor its user is there', { timeout: 60_000 }, async () => {
  const blocker = new pg.Client({ connectionString: database.url });
  await blocker.connect();
  onTestFinished(() => blocker.end());
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE identity.account IN SHARE MODE');
  const creating = startCreating('between');
  const blocked = `SELECT FROM pg_stat_activity WHERE application_name = 'between' AND wait_event_type = 'Lock' AND query ILIKE 'insert into "account"%'`;
  // Not by the blocker: within one transaction the view of the activity stands still.
  await waitFor(async () => (await admin((client) => client.query(blocked))).rowCount === 3, {
    deadline: 30_000,
    describe: 'accounts that wait to be written',
  });
  const killed = once(creating.child, 'exit');
  creating.child.kill('SIGKILL');
  await killed;
  await blocker.query('ROLLBACK');
  await waitForEnd('between');
  const { rows } = await db.query(`SELECT count(*)::int AS users FROM "user" WHERE email LIKE 'between-%'`);
  expect(rows[0].users).toBe(0);
  expect(await countHalves()).toEqual(NONE);
  for (const email of creating.begun) await expectUsable(email);
});
