import { AsyncLocalStorage } from 'node:async_hooks';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { clientAt, PASSWORD, problemOf } from '../test-identity.ts';
import { dumpTables, holding, PUBLIC_URL, startTestRegistration, type TestRegistration } from './test-registration.ts';

const NEW_PASSWORD = 'another long enough password';

let world: TestRegistration;
let visitors = 0;

beforeAll(async () => {
  world = await startTestRegistration();
});

afterAll(() => world.stop());
afterEach(() => vi.restoreAllMocks());

const ask = (email: string) => world.identity.accounts.requestPasswordReset({ email, client: clientAt(`203.0.113.${++visitors % 250}`) });
const reset = (token: string, password = NEW_PASSWORD) => world.identity.accounts.resetPassword({ token, password });
const resolved = () =>
  waitFor(async () => (await world.identity.db.query('SELECT FROM reset_wish')).rowCount === 0, { describe: 'that wishes are worked off' });

async function tokenFor(email: string, count = 1): Promise<string> {
  const links = () => world.mail.messages.filter((mail) => mail.to === email && mail.subject === 'A new password');
  await world.mail.waitFor(email, () => links().length >= count);
  const [, token] = /^ {4}https:\/\/chat\.example\.org\/reset#(\S+)$/m.exec(links().at(-1)?.text ?? '') ?? [];
  if (token === undefined) throw new Error('there is no link in the mail');
  return token;
}

async function logsIn(email: string, password: string): Promise<boolean> {
  return world.identity.sessions.logIn({ email, password }).then(
    () => true,
    () => false,
  );
}

test('a mailed link sets the password once, ends all sessions, and begins none', async () => {
  const { email, session } = await world.identity.makeAccount();
  expect(await ask(email.toUpperCase())).not.toHaveProperty('session');
  const token = await tokenFor(email);
  expect(token).toMatch(/^[\w.~-]{1,512}$/);
  const mail = await world.mail.waitFor(email);
  expect(mail.html).toContain(`${PUBLIC_URL}/reset#${token}`);
  expect(Object.keys(await reset(token))).not.toContain('session');
  expect(await problemOf(world.identity.sessions.mintToken({ session }))).toBe('unauthenticated');
  expect(await logsIn(email, PASSWORD)).toBe(false);
  expect(await logsIn(email, NEW_PASSWORD)).toBe(true);
  expect(await problemOf(reset(token, PASSWORD))).toBe('link-expired');
  await world.mail.waitFor(email, ({ subject }) => subject === 'Your password was changed');
});

test('a second factor is asked for after a reset as before', async () => {
  const { email, session } = await world.identity.makeAccount();
  const behalf = await world.identity.behalf(session);
  const { secret } = await world.identity.secondFactor.beginTotp({ password: PASSWORD }, behalf);
  expect(secret).not.toBe('');
  // As confirmed: the code of an app is no matter of this test.
  await world.identity.db.query(`UPDATE totp SET secret = pending, pending = NULL, pending_until = NULL`);
  await ask(email);
  await reset(await tokenFor(email));
  const { result } = await world.identity.sessions.logIn({ email, password: NEW_PASSWORD });
  expect(result.case).toBe('secondFactor');
});

test('a link is good for half an hour', async () => {
  const { email } = await world.identity.makeAccount();
  await ask(email);
  const token = await tokenFor(email);
  world.clock.advance(30 * 60_000);
  expect(await problemOf(reset(token))).toBe('link-expired');
  expect(await logsIn(email, PASSWORD)).toBe(true);
});

test('one use voids all links, and ten at once are one', async () => {
  const { email } = await world.identity.makeAccount();
  await ask(email);
  const first = await tokenFor(email);
  world.clock.advance(61_000);
  await ask(email);
  const second = await tokenFor(email, 2);
  expect(second).not.toBe(first);
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, () =>
      reset(second).then(
        () => 'set',
        (error) => error.metadata.get('starling-problem'),
      ),
    ),
  );
  expect(outcomes.filter((outcome) => outcome === 'set')).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome === 'link-expired')).toHaveLength(9);
  expect(await problemOf(reset(first))).toBe('link-expired');
});

test('the secret of a link is not in the database, nor in the log', async () => {
  const { email } = await world.identity.makeAccount();
  await ask(email);
  const mac = (await tokenFor(email)).split('.')[1] as string;
  const stored = await dumpTables(world.identity);
  for (const text of [stored, world.identity.world.logLines.join('')])
    for (const secret of [mac, Buffer.from(mac, 'base64url').toString('hex')]) expect(text).not.toContain(secret);
});

test('a link that was not made here is none, and a good one outlives a password that is too short', async () => {
  const { email } = await world.identity.makeAccount();
  await ask(email);
  const token = await tokenFor(email);
  const [id, mac] = token.split('.') as [string, string];
  for (const forged of [id, `${id}.${'A'.repeat(43)}`, `${crypto.randomUUID()}.${mac}`, `${token}.`, '', 'x'])
    expect(await problemOf(reset(forged))).toBe('link-expired');
  expect(await problemOf(reset(token, 'short'))).toBe('invalid-request');
  await reset(token);
});

test('absent and disabled accounts are mailed nothing, and a disabled one is not opened by a link from before', async () => {
  const [disabled, control] = [await world.identity.makeAccount(), await world.identity.makeAccount()];
  await ask(disabled.email);
  const token = await tokenFor(disabled.email);
  await world.identity.db.query('UPDATE "user" SET disabled = true WHERE id = $1', [disabled.user]);
  world.clock.advance(61_000);
  for (const email of [disabled.email, 'absent@example.org', control.email]) await ask(email);
  await tokenFor(control.email);
  await resolved();
  expect(world.mail.messages.filter(({ to }) => to === 'absent@example.org')).toEqual([]);
  expect(world.mail.messages.filter(({ to }) => to === disabled.email)).toHaveLength(1);
  expect(await problemOf(reset(token))).toBe('link-expired');
});

test('an account has five links a day, mailed a minute apart; the last is mailed again while it is good', async () => {
  const { email } = await world.identity.makeAccount();
  const tokens: string[] = [];
  for (let round = 1; round <= 7; round++) {
    await Promise.all([ask(email), ask(email), ask(email)]);
    tokens.push(await tokenFor(email, round));
    world.clock.advance(61_000);
  }
  expect(new Set(tokens.slice(0, 5)).size).toBe(5);
  expect(tokens.slice(5)).toEqual([tokens[4], tokens[4]]);
  world.clock.advance(30 * 60_000);
  await ask(email);
  await resolved();
  const { email: control } = await world.identity.makeAccount();
  await ask(control);
  await tokenFor(control);
  expect(world.mail.messages.filter(({ to }) => to === email)).toHaveLength(7);
});

test('one address uses up only some of what an account is mailed', async () => {
  const { email } = await world.identity.makeAccount();
  const attacker = clientAt('198.51.100.8');
  const answers: string[] = [];
  for (let round = 0; round < 6; round++) {
    answers.push(await problemOf(world.identity.accounts.requestPasswordReset({ email, client: attacker })));
    await resolved();
    world.clock.advance(61_000);
  }
  expect(answers.slice(3)).toEqual(Array(3).fill('rate-limited'));
  // For an email without an account too.
  for (let round = 0; round < 3; round++) {
    await world.identity.accounts.requestPasswordReset({ email: 'nobody@example.org', client: attacker });
    world.clock.advance(61_000);
  }
  expect(await problemOf(world.identity.accounts.requestPasswordReset({ email: 'nobody@example.org', client: attacker }))).toBe(
    'rate-limited',
  );
  world.clock.advance(30 * 60_000);
  await ask(email);
  await tokenFor(email, 4);
});

test('two links of an account that are used at once are one, and wait for each other', async () => {
  const { email, user } = await world.identity.makeAccount();
  await ask(email);
  const first = await tokenFor(email);
  world.clock.advance(61_000);
  await ask(email);
  const second = await tokenFor(email, 2);
  const outcomes = await holding(world.identity, 'SELECT FROM password_reset WHERE user_id = $1 FOR UPDATE', user, () => [
    reset(first),
    reset(second),
  ]);
  expect(outcomes.sort()).toEqual(['link-expired', 'no refusal, but undefined']);
});

test('one address asks thirty times, and then once a minute', async () => {
  const client = clientAt('198.51.100.7');
  for (let asked = 0; asked < 30; asked++) await world.identity.accounts.requestPasswordReset({ email: `p${asked}@example.org`, client });
  expect(await problemOf(world.identity.accounts.requestPasswordReset({ email: 'p@example.org', client }))).toBe('rate-limited');
});

test('asking runs the same statements whether there is an account, and answers before anything is looked up', async () => {
  const current = new AsyncLocalStorage<string[]>();
  const { query } = pg.Client.prototype;
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function record(this: pg.Client, ...given: unknown[]) {
    const [statement] = given;
    current.getStore()?.push(typeof statement === 'string' ? statement : (statement as { text: string }).text);
    return Reflect.apply(query, this, given);
  });
  async function record(email: string): Promise<string[]> {
    const statements: string[] = [];
    await current.run(statements, () => ask(email));
    return statements;
  }
  const accounts = await Promise.all(Array.from({ length: 3 }, () => world.identity.makeAccount()));
  const existing: string[][] = [];
  const absent: string[][] = [];
  for (const [index, { email }] of accounts.entries()) {
    existing.push(await record(email), await record(email));
    absent.push(await record(`absent-${index}@example.org`), await record(`absent-${index}@example.org`));
  }
  expect(existing[0]?.filter((statement) => statement.includes('reset_wish'))).toHaveLength(1);
  expect(existing[0]?.join()).not.toMatch(/"user"|account|mail_job|password_reset/);
  for (const statements of [...existing, ...absent]) expect(statements).toEqual(existing[0]);
});
