import { randomUUID } from 'node:crypto';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientAt, PASSWORD, problemOf } from '../test-identity.ts';
import { dumpTables, readCode, startTestRegistration, type TestRegistration, wrongCode } from './test-registration.ts';

let world: TestRegistration;

beforeAll(async () => {
  world = await startTestRegistration();
});

afterAll(() => world.stop());

const confirm = (id: string, code: string) => world.identity.accounts.confirmRegistration({ id, code });

async function usersWith(email: string): Promise<number> {
  const { rows } = await world.identity.db.query('SELECT count(*)::int AS users FROM "user" WHERE email = $1', [email]);
  return rows[0].users;
}

test('a mailed code makes account, fact and session; before it there is no user', async () => {
  const { id, expiresAt, code: shown } = await world.register('Ada@Example.org', { name: 'Ada' });
  expect(shown).toBe('');
  expect(expiresAt).toBe(world.clock.now() + 600_000);
  const code = await world.codeFor('ada@example.org');
  expect(await usersWith('ada@example.org')).toBe(0);
  const { session, user } = await confirm(id, code);
  expect((await world.identity.sessions.mintToken({ session })).user).toBe(user);
  const { rows } = await world.identity.db.query(
    `SELECT email, name, role, "emailVerified" AS verified, convert_from(value, 'UTF8')::jsonb AS fact
     FROM "user" JOIN outbox ON key = "user".id::text WHERE "user".id = $1`,
    [user],
  );
  expect(rows).toEqual([
    { email: 'ada@example.org', name: 'Ada', role: 'member', verified: true, fact: { user, name: 'Ada', role: 'member' } },
  ]);
  const { result } = await world.identity.sessions.logIn({ email: 'ada@example.org', password: PASSWORD });
  expect(result.case).toBe('begun');
  expect(await problemOf(confirm(id, code))).toBe('code-expired');
});

test('the mail says what it is for, names nobody, and no holiday answers it', async () => {
  await world.register('plain@example.org', { name: 'Click http://evil.example' });
  const mail = await world.mail.waitFor('plain@example.org');
  expect(mail.from).toBe('no-reply@example.org');
  expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
  expect(mail.html).toContain(readCode(mail.text));
  for (const part of [mail.subject, mail.text, mail.html]) expect(part).not.toContain('evil');
  expect(mail.subject).not.toMatch(/\d/);
});

test('neither code nor password is in the database or in the log', async () => {
  const { id } = await world.register('secretive@example.org', { password: 'the password of the secretive' });
  const code = await world.codeFor('secretive@example.org');
  const stored = await dumpTables(world.identity);
  expect(stored).toContain(id);
  const log = world.identity.world.logLines.join('');
  for (const secret of [code, 'the password of the secretive', Buffer.from(code).toString('hex')]) {
    // As a word: the digits may be part of a time or an id.
    expect(stored).not.toMatch(new RegExp(`(?<![\\w.-])${secret}(?![\\w-])`));
    expect(log).not.toMatch(new RegExp(`(?<![\\w.-])${secret}(?![\\w-])`));
  }
  expect(log).not.toContain('secretive@example.org');
});

test('five wrong codes end a code, and then the right one is of no use', async () => {
  const { id } = await world.register('guessed@example.org');
  const code = await world.codeFor('guessed@example.org');
  for (let guess = 1; guess <= 5; guess++) expect(await problemOf(confirm(id, wrongCode(code, guess)))).toBe('wrong-code');
  expect(await problemOf(confirm(id, code))).toBe('code-expired');
  expect(await usersWith('guessed@example.org')).toBe(0);
});

test('twenty guesses at once are five tries', async () => {
  const { id } = await world.register('crowd@example.org');
  const code = await world.codeFor('crowd@example.org');
  const answers = await Promise.all(Array.from({ length: 20 }, (_, guess) => problemOf(confirm(id, wrongCode(code, guess + 1)))));
  expect(answers.filter((answer) => answer === 'wrong-code')).toHaveLength(5);
  expect(answers.filter((answer) => answer === 'code-expired')).toHaveLength(15);
});

test('the right code many times at once makes one account', async () => {
  const { id } = await world.register('eager@example.org');
  const code = await world.codeFor('eager@example.org');
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => confirm(id, code).then(() => 'made', problemRead)));
  expect(outcomes.sort()).toEqual(['code-expired', 'code-expired', 'code-expired', 'code-expired', 'made']);
  expect(await usersWith('eager@example.org')).toBe(1);
});

test('a code is good for ten minutes', async () => {
  const { id } = await world.register('late@example.org');
  const code = await world.codeFor('late@example.org');
  world.clock.advance(600_000);
  expect(await problemOf(confirm(id, code))).toBe('code-expired');
});

test('a code is sent again after a minute, and the one before is void', async () => {
  const { id } = await world.register('again@example.org');
  const first = await world.codeFor('again@example.org');
  const resend = () => world.identity.accounts.resendRegistrationCode({ id });
  world.clock.advance(59_000);
  const refusal = await resend().catch((error) => error);
  expect(refusal.metadata.get('starling-problem')).toBe('rate-limited');
  expect(refusal.metadata.get('retry-after')).toBe('1');
  world.clock.advance(1_000);
  expect((await resend()).id).toBe(id);
  const second = await world.codeFor('again@example.org', 2);
  if (first !== second) expect(await problemOf(confirm(id, first))).toBe('wrong-code');
  await confirm(id, second);
  expect(await problemOf(resend())).toBe('not-found');
  expect(await problemOf(world.identity.accounts.resendRegistrationCode({ id: randomUUID() }))).toBe('not-found');
  expect(await problemOf(world.identity.accounts.resendRegistrationCode({ id: 'x' }))).toBe('not-found');
});

test('ten codes a day go to an address, in whatever case, by whichever registration, the last two by invite only', async () => {
  const { session } = await world.identity.makeAccount({ role: 'admin' });
  const wish = { email: '', role: 'member', uses: 1, expiresAt: world.clock.now() + 7 * 86_400_000 };
  const { token: invite } = await world.identity.administration.createInvite(wish, await world.identity.behalf(session));
  const emails = ['many@example.org', 'Many@Example.org'];
  for (let sent = 0; sent < 8; sent++) {
    await world.register(emails[sent % 2] as string);
    world.clock.advance(61_000);
  }
  const refusal = await world.register('MANY@example.org').catch((error) => error);
  expect(refusal.metadata.get('starling-problem')).toBe('rate-limited');
  expect(Number(refusal.metadata.get('retry-after'))).toBe(86_400 - 488);
  const { id } = await world.register('many@example.org', { invite });
  // Sent again sooner, the one before would be void and not worth a mail.
  await world.codeFor('many@example.org', 9);
  world.clock.advance(61_000);
  await world.identity.accounts.resendRegistrationCode({ id });
  world.clock.advance(61_000);
  expect(await problemOf(world.register('many@example.org', { invite }))).toBe('rate-limited');
  await waitFor(() => world.mail.messages.filter(({ to }) => to === 'many@example.org').length === 10);
  world.clock.advance(86_400_000 - 610_000);
  expect(await problemOf(world.register('many@example.org', { invite }))).toContain('no refusal');
});

test('one address uses up three of the codes of an email', async () => {
  const registration = { email: 'starved@example.org', password: PASSWORD, name: 'Starved', client: clientAt('198.51.100.9') };
  const { register, resendRegistrationCode } = world.identity.accounts;
  for (let sent = 0; sent < 2; sent++) {
    await register(registration);
    world.clock.advance(61_000);
  }
  const { id } = await world.register('starved@example.org');
  world.clock.advance(61_000);
  await resendRegistrationCode({ id, client: registration.client });
  world.clock.advance(61_000);
  expect(await problemOf(register(registration))).toBe('rate-limited');
  expect(await problemOf(resendRegistrationCode({ id, client: registration.client }))).toBe('rate-limited');
  // What was refused counts for nothing at the email.
  for (let sent = 4; sent < 8; sent++) {
    await world.register('starved@example.org');
    world.clock.advance(61_000);
  }
  expect(await problemOf(world.register('starved@example.org'))).toBe('rate-limited');
});

test('at the same moment one of many registrations with an address is sent a code', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => world.register('burst@example.org').then(() => 'sent', problemRead)));
  expect(answers.filter((answer) => answer === 'sent')).toHaveLength(1);
  expect(answers.filter((answer) => answer === 'rate-limited')).toHaveLength(7);
});

const problemRead = (error: { metadata: Headers }) => error.metadata.get('starling-problem');

test('registering with an email that has an account is answered as any other, and mailed no code', async () => {
  await world.identity.makeAccount({ email: 'taken@example.org' });
  const taken = await world.register('Taken@example.org');
  const free = await world.register('free@example.org');
  expect(Object.keys(taken).sort()).toEqual(Object.keys(free).sort());
  expect(taken).toMatchObject({ code: '', expiresAt: free.expiresAt });
  const mail = await world.mail.waitFor('taken@example.org');
  expect(mail.subject).toBe('You have an account already');
  expect(`${mail.subject}${mail.text}${mail.html}`).not.toMatch(/\b\d{6}\b/);
  expect(mail.text).toContain('https://chat.example.org');
  await world.codeFor('free@example.org');
  for (let guess = 0; guess < 5; guess++) expect(await problemOf(confirm(taken.id, `00000${guess}`))).toBe('wrong-code');
  expect(await problemOf(confirm(taken.id, '000006'))).toBe('code-expired');
  world.clock.advance(61_000);
  expect((await world.identity.accounts.resendRegistrationCode({ id: taken.id })).id).toBe(taken.id);
});

test('nobody plants a password in an account of somebody else', async () => {
  const planted = await world.register('victim@example.org', { password: 'the password of a thief' });
  await world.codeFor('victim@example.org');
  world.clock.advance(61_000);
  const own = await world.register('victim@example.org');
  const code = await world.codeFor('victim@example.org', 2);
  expect(await problemOf(confirm(planted.id, code))).toMatch(/wrong-code|code-expired/);
  await confirm(own.id, code);
  const thief = world.identity.sessions.logIn({ email: 'victim@example.org', password: 'the password of a thief' });
  expect(await problemOf(thief)).toBe('wrong-credentials');
});

test('of two registrations with one email that are both confirmed, one is the account', async () => {
  const first = await world.register('twin@example.org');
  const firstCode = await world.codeFor('twin@example.org');
  world.clock.advance(61_000);
  const second = await world.register('twin@example.org');
  const secondCode = await world.codeFor('twin@example.org', 2);
  const outcomes = await Promise.all(
    [confirm(first.id, firstCode), confirm(second.id, secondCode)].map((call) => call.then(() => 'made', problemRead)),
  );
  expect(outcomes.sort()).toEqual(['account-exists', 'made']);
  expect(await usersWith('twin@example.org')).toBe(1);
});

test('what is no email, name or password is refused before anything is written', async () => {
  const good = { email: 'good@example.org', password: PASSWORD, name: 'Good', client: clientAt('198.51.100.1') };
  for (const bad of [
    { email: 'no address' },
    { email: 'a@b\r\nBcc: x@y' },
    { password: 'short' },
    { password: 'x'.repeat(129) },
    { name: ' ' },
    { name: 'a\nb' },
  ])
    expect(await problemOf(world.identity.accounts.register({ ...good, ...bad }))).toBe('invalid-request');
});

test('one address begins thirty registrations, and then one a minute', async () => {
  const from = (number: number) =>
    world.identity.accounts.register({
      email: `flood-${number}@example.org`,
      password: PASSWORD,
      name: 'Flood',
      client: clientAt('198.51.100.77'),
    });
  const answers = await Promise.all(Array.from({ length: 32 }, (_, number) => from(number).then(() => 'sent', problemRead)));
  expect(answers.filter((answer) => answer === 'rate-limited')).toHaveLength(2);
  world.clock.advance(60_000);
  await from(40);
  expect(await problemOf(from(41))).toBe('rate-limited');
});

test('ten thousand registrations wait at most, and those that have ended are swept', async () => {
  const { db } = world.identity;
  await db.query(
    `INSERT INTO registration (email, name, password_hash, expires_at)
     SELECT 'flood-' || number || '@example.net', 'Flood', '', $1 FROM generate_series(1, 10000) AS number`,
    [new Date(world.clock.now() + 3_600_000)],
  );
  expect(await problemOf(world.register('honest@example.org'))).toBe('rate-limited');
  world.clock.advance(3_600_001);
  await world.register('honest@example.org');
  await world.stores.registrations.sweep();
  const { rows } = await db.query('SELECT count(*)::int AS waiting FROM registration');
  expect(rows[0].waiting).toBe(1);
});
