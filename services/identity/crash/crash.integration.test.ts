import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@starling/platform/telemetry';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Accounts, createAccounts } from '../store/accounts.ts';
import { MIGRATIONS } from '../store/migrations.ts';

const ROUNDS = 8;
const password = 'a long enough password';
let database: TestDatabase;
let world: TestPlatform;
let db: pg.Pool;
let accounts: Accounts;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await createTestPlatform({ database, services: { identity: MIGRATIONS } });
  db = world.platform('identity').db;
  accounts = createAccounts({ db, secret: 'x'.repeat(32), logger: createLogger({ service: 'identity', level: 'fatal' }) });
});

afterAll(async () => {
  await world.stop();
  await database.drop();
});

interface Signing {
  child: ChildProcess;
  begun: string[];
  done: string[];
}

function startSigningUp(prefix: string): Signing {
  const script = fileURLToPath(new URL('./test-sign-up-forever.ts', import.meta.url));
  const child = spawn(process.execPath, [script, db.options.connectionString as string, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const signing: Signing = { child, begun: [], done: [] };
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [what, email] = line.split(' ') as ['begin' | 'done', string];
      (what === 'begin' ? signing.begun : signing.done).push(email);
    }
  });
  return signing;
}

/** Ends the process as a power cut would, and waits until the server has noticed. */
async function kill({ child }: Signing, prefix: string): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  await waitFor(
    async () =>
      (await admin((client) => client.query('SELECT FROM pg_stat_activity WHERE application_name = $1', [prefix]))).rowCount === 0,
  );
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

/** Users that lack an account or have two, and users with anything but exactly one fact; and facts and accounts without a user. */
async function countHalves(): Promise<Record<string, number>> {
  const { rows } = await db.query(
    `SELECT
       (SELECT count(*)::int FROM "user" u WHERE (SELECT count(*) FROM account WHERE "userId" = u.id AND "providerId" = 'credential' AND password IS NOT NULL) <> 1) AS accounts,
       (SELECT count(*)::int FROM "user" u WHERE (SELECT count(*) FROM outbox WHERE key = u.id::text) <> 1) AS facts,
       (SELECT count(*)::int FROM outbox WHERE NOT EXISTS (SELECT FROM "user" u WHERE u.id::text = key)) AS stray`,
  );
  return rows[0];
}

async function expectUsable(email: string): Promise<void> {
  const again = await accounts.signUp({ email, password, name: 'Somebody' });
  expect(again === 'exists' || typeof again === 'object').toBe(true);
  expect(await accounts.logIn({ email, password })).toBeDefined();
}

test('killed at any moment, no user is without account or fact, and every address can be used', { timeout: 120_000 }, async () => {
  const begun: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const prefix = `round-${round}`;
    const signing = startSigningUp(prefix);
    const enough = 1 + Math.floor(Math.random() * 12);
    await waitFor(() => signing.done.length >= enough, { deadline: 30_000, describe: `${enough} sign-ups` });
    await delay(Math.random() * 60);
    await kill(signing, prefix);
    const { rows } = await db.query('SELECT email FROM "user"');
    const written = new Set(rows.map((row) => row.email));
    expect(signing.done.filter((email) => !written.has(email))).toEqual([]);
    begun.push(...signing.begun.filter((email) => !signing.done.includes(email)));
  }
  expect(await countHalves()).toEqual({ accounts: 0, facts: 0, stray: 0 });
  for (const email of begun) await expectUsable(email);
  expect(await countHalves()).toEqual({ accounts: 0, facts: 0, stray: 0 });
});

test('killed between the user and its account, neither is there', { timeout: 60_000 }, async () => {
  const blocker = new pg.Client({ connectionString: database.url });
  await blocker.connect();
  onTestFinished(() => blocker.end());
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE identity.account IN SHARE MODE');
  const signing = startSigningUp('between');
  const blocked = `SELECT FROM pg_stat_activity WHERE application_name = 'between' AND wait_event_type = 'Lock' AND query ILIKE 'insert into "account"%'`;
  // Not by the blocker: within one transaction the view of the activity stands still.
  await waitFor(async () => (await admin((client) => client.query(blocked))).rowCount === 3, {
    deadline: 30_000,
    describe: 'sign-ups that wait to write their account',
  });
  const killed = kill(signing, 'between');
  await once(signing.child, 'exit');
  await blocker.query('ROLLBACK');
  await killed;
  const { rows } = await db.query(`SELECT count(*)::int AS users FROM "user" WHERE email LIKE 'between-%'`);
  expect(rows[0].users).toBe(0);
  expect(await countHalves()).toEqual({ accounts: 0, facts: 0, stray: 0 });
  for (const email of signing.begun) await expectUsable(email);
});
