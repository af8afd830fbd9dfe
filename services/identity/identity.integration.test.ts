import { randomUUID } from 'node:crypto';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { encodeFactHeaders, parseHeaders } from '@starling/contracts/log';
import { IdentityService } from '@starling/contracts/rpc';
import { decodeEvent } from '@starling/platform/events';
import type { LogRecord } from '@starling/platform/log';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIdentity } from './app.ts';
import { MIGRATIONS } from './store/migrations.ts';

const password = 'a long enough password';
let database: TestDatabase;
let world: TestPlatform;
let identity: Client<typeof IdentityService>;
let db: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await createTestPlatform({ database, services: { identity: MIGRATIONS, web: [], user: [] } });
  world.register('identity', createIdentity({ secret: randomUUID() }, world.platform('identity')));
  await world.start();
  identity = createClient(IdentityService, world.platform('web').rpc('identity'));
  db = world.platform('identity').db;
});

afterAll(async () => {
  await world.stop();
  await database.drop();
});

let accounts = 0;
function anAccount() {
  return { email: `person-${++accounts}@example.org`, password, name: `Person ${accounts}` };
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ConnectError ? (Code[error.code] as string) : `no refusal, but ${error}`;
}

async function readUsers(user: string): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  const tail = world.log.tail({
    topic: 'users',
    from: world.log.partitions.users === 2 ? [0, 0] : [],
    onRecords: (_partition, records) => {
      found.push(...records.filter((record) => record.key === user));
    },
    onHole: () => 0,
  });
  await waitFor(() => found.length > 0, { describe: 'a record of the user in the log' });
  await tail.stop();
  return found;
}

test('a sign-up logs in, and its session becomes a token of the user', async () => {
  const account = anAccount();
  const begun = await identity.signUp(account);
  const minted = await identity.mintToken({ session: begun.session });
  expect(minted.user).toBe(begun.user);
  const verified = await world.platform('user').gate.verifyUserToken(minted.token);
  expect(verified).toMatchObject({ user: begun.user, scope: 'api', origin: undefined, expiresAt: minted.expiresAt });
  const { rows } = await db.query('SELECT id, "expiresAt" AS expiry FROM session WHERE token = $1', [begun.session]);
  expect(rows[0].id).toBe(verified.session);
  expect((rows[0].expiry.getTime() - Date.now()) / 86_400_000).toBeCloseTo(30, 2);
});

test('a token for a socket opens sockets only, for one Origin', async () => {
  const { session } = await identity.signUp(anAccount());
  const { token } = await identity.mintToken({ session, socket: true, origin: 'https://chat.example.org' });
  const verified = await world.platform('user').gate.verifyUserToken(token);
  expect(verified).toMatchObject({ scope: 'socket', origin: 'https://chat.example.org' });
});

test('the password is stored as Argon2id, and the email in lower case', async () => {
  const account = { ...anAccount(), email: 'Mixed.Case@Example.ORG' };
  const { user } = await identity.signUp(account);
  const { rows } = await db.query('SELECT email, password FROM "user" JOIN account ON "userId" = "user".id WHERE "user".id = $1', [user]);
  expect(rows).toEqual([{ email: 'mixed.case@example.org', password: expect.stringMatching(/^\$argon2id\$/) }]);
  expect((await identity.logIn({ email: 'MIXED.case@example.org', password })).user).toBe(user);
});

test('an email has one account, however it is written and however many ask at once', async () => {
  const account = anAccount();
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      identity.signUp({ ...account, email: index % 2 ? account.email.toUpperCase() : account.email }).then(
        () => 'made',
        (error: ConnectError) => Code[error.code],
      ),
    ),
  );
  expect(outcomes.sort()).toEqual(['AlreadyExists', 'AlreadyExists', 'AlreadyExists', 'AlreadyExists', 'AlreadyExists', 'made']);
  const { rows } = await db.query(
    'SELECT count(*)::int AS outbox FROM outbox WHERE key IN (SELECT id::text FROM "user" WHERE email = $1)',
    [account.email],
  );
  expect(rows[0].outbox).toBe(1);
});

test('a wrong password and an unknown account have the same answer', async () => {
  const account = anAccount();
  await identity.signUp(account);
  const refusals = await Promise.all(
    [{ ...account, password: 'not this password' }, anAccount()].map((credentials) =>
      identity.logIn(credentials).catch((error: ConnectError) => error.message),
    ),
  );
  expect(refusals[0]).toBe(refusals[1]);
  expect(await codeOf(identity.logIn({ ...account, password: 'not this password' }))).toBe('NotFound');
  expect(await codeOf(identity.issueToken({ ...account, password: 'not this password' }))).toBe('NotFound');
});

test('an unknown account is refused no sooner than a wrong password', async () => {
  const account = anAccount();
  await identity.signUp(account);
  async function median(credentials: { email: string; password: string }): Promise<number> {
    const times: number[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      const begun = performance.now();
      await codeOf(identity.logIn(credentials));
      times.push(performance.now() - begun);
    }
    return times.sort((a, b) => a - b)[3] as number;
  }
  const wrong = await median({ ...account, password: 'not this password' });
  const unknown = await median(anAccount());
  expect(unknown / wrong).toBeGreaterThan(0.4);
  expect(unknown / wrong).toBeLessThan(2.5);
});

test('a flood of passwords is bounded and holds up nothing else', async () => {
  const { session } = await identity.signUp(anAccount());
  let answered = 0;
  const flood = Array.from({ length: 130 }, () => codeOf(identity.logIn(anAccount())).finally(() => answered++));
  await identity.mintToken({ session });
  expect(answered).toBeLessThan(60);
  const codes = await Promise.all(flood);
  expect(codes.filter((code) => code === 'ResourceExhausted')).toHaveLength(28);
  // The others had their turn, unless this machine is so slow that a caller's patience ended first.
  expect(codes.filter((code) => code === 'NotFound' || code === 'DeadlineExceeded')).toHaveLength(102);
});

test('what cannot be an account is refused', async () => {
  expect(await codeOf(identity.signUp({ ...anAccount(), password: 'short' }))).toBe('InvalidArgument');
  expect(await codeOf(identity.signUp({ ...anAccount(), email: 'no address' }))).toBe('InvalidArgument');
  expect(await codeOf(identity.signUp({ ...anAccount(), name: ' \n ' }))).toBe('InvalidArgument');
  expect(await codeOf(identity.signUp({ ...anAccount(), name: 'x'.repeat(81) }))).toBe('InvalidArgument');
});

test('a session that has ended mints nothing', async () => {
  const { session } = await identity.signUp(anAccount());
  await identity.logOut({ session });
  expect(await codeOf(identity.mintToken({ session }))).toBe('NotFound');
  await identity.logOut({ session });
  for (const other of ['', 'x', 'a'.repeat(32), `${'a'.repeat(32)}.sig`])
    expect(await codeOf(identity.mintToken({ session: other }))).toBe('NotFound');
});

test('a session lives 30 days from its last use', async () => {
  const { session } = await identity.signUp(anAccount());
  const age = (interval: string) =>
    db.query(`UPDATE session SET "expiresAt" = "expiresAt" - $2::interval WHERE token = $1`, [session, interval]);
  await age('29 days');
  await identity.mintToken({ session });
  const { rows } = await db.query('SELECT "expiresAt" AS expiry FROM session WHERE token = $1', [session]);
  expect((rows[0].expiry.getTime() - Date.now()) / 86_400_000).toBeCloseTo(30, 2);
  await age('31 days');
  expect(await codeOf(identity.mintToken({ session }))).toBe('NotFound');
});

test('a token for a client without cookies is for API and socket, and its session ends with it', async () => {
  const account = anAccount();
  const { user } = await identity.signUp(account);
  const issued = await identity.issueToken(account);
  const verified = await world.platform('user').gate.verifyUserToken(issued.token);
  expect(verified).toMatchObject({ user, scope: 'api socket', origin: undefined });
  const { rows } = await db.query('SELECT "expiresAt" AS expiry FROM session WHERE id = $1', [verified.session]);
  expect(rows[0].expiry.getTime()).toBe(issued.expiresAt);
});

test('only web may ask', async () => {
  const other = createClient(IdentityService, world.platform('user').rpc('identity'));
  const account = anAccount();
  const { session } = await identity.signUp(account);
  const calls = [
    other.signUp(anAccount()),
    other.logIn(account),
    other.logOut({ session }),
    other.mintToken({ session }),
    other.issueToken(account),
  ];
  expect(new Set(await Promise.all(calls.map(codeOf)))).toEqual(new Set(['PermissionDenied']));
});

test('user.created reaches the log with the headers of every fact, and its outbox row learns where', async () => {
  const account = { ...anAccount(), name: 'Ünï "quoted" \\ 🐦' };
  const { user } = await identity.signUp(account);
  const records = await readUsers(user);
  expect(records).toHaveLength(1);
  const [record] = records as [LogRecord];
  const id = record.headers['id'] as string;
  expect(record.headers).toEqual(encodeFactHeaders({ id, kind: 'user.created' }));
  expect(parseHeaders(record.headers)?.kind).toBe('user.created');
  expect(decodeEvent('user.created', record.value)).toEqual({ user, name: account.name });
  await waitFor(async () => (await db.query('SELECT FROM outbox WHERE id = $1 AND position IS NOT NULL', [id])).rowCount === 1);
});

test('neither passwords nor addresses nor session tokens are logged', async () => {
  const account = anAccount();
  const { session } = await identity.signUp(account);
  await codeOf(identity.signUp(account));
  await codeOf(identity.logIn({ ...account, password: 'not this password' }));
  // Everything that the tests above provoked is there too, such as an insert that failed at an address.
  const text = world.logLines.join('').toLowerCase();
  expect(text).toContain('failed to create user');
  for (const secret of [password, 'not this password', 'example.org', session]) expect(text).not.toContain(secret.toLowerCase());
});
