import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, problemOf, type TestAccount } from '../test-identity.ts';
import { holding, startTestRegistration, type TestRegistration, wrongCode } from './test-registration.ts';

const NEW_PASSWORD = 'another long enough password';

let world: TestRegistration;

beforeAll(async () => {
  world = await startTestRegistration();
});

afterAll(() => world.stop());

async function logIn(email: string, password = PASSWORD): Promise<string> {
  const { result } = await world.identity.sessions.logIn({ email, password });
  if (result.case !== 'begun') throw new Error(`the log-in ended as ${result.case}`);
  return result.value.session;
}

async function begin(account?: { email?: string }): Promise<TestAccount & { behalf: Awaited<ReturnType<typeof world.identity.behalf>> }> {
  const made = await world.identity.makeAccount(account);
  return { ...made, behalf: await world.identity.behalf(made.session) };
}

const describe = ({ behalf }: Awaited<ReturnType<typeof begin>>) => world.identity.accounts.describeAccount({}, behalf);
const subjectsTo = (email: string) => world.mail.messages.filter(({ to }) => to === email).map(({ subject }) => subject);

function askForChange({ behalf }: Awaited<ReturnType<typeof begin>>, email: string, password = PASSWORD) {
  return world.identity.accounts.requestEmailChange({ email, password }, behalf);
}

test('users are told about their own account', async () => {
  const account = await begin({ email: 'self@example.org' });
  expect(await describe(account)).toMatchObject({
    email: 'self@example.org',
    role: 'member',
    hasPassword: true,
    hasTotp: false,
    recoveryCodesLeft: 0,
  });
});

test('a new password needs the old one, ends the other sessions, and is told by mail', async () => {
  const account = await begin();
  const { behalf } = account;
  const change = (current: string, password = NEW_PASSWORD) => world.identity.accounts.changePassword({ current, password }, behalf);
  const elsewhere = await logIn(account.email);
  expect(await problemOf(change('not this password'))).toBe('wrong-credentials');
  expect(await problemOf(change(PASSWORD, 'short'))).toBe('invalid-request');
  expect(await problemOf(world.identity.sessions.mintToken({ session: elsewhere }))).toContain('no refusal');
  await change(PASSWORD);
  expect(await problemOf(world.identity.sessions.mintToken({ session: elsewhere }))).toBe('unauthenticated');
  await world.identity.sessions.mintToken({ session: account.session });
  await logIn(account.email, NEW_PASSWORD);
  expect(await problemOf(logIn(account.email))).toBe('wrong-credentials');
  const note = await world.mail.waitFor(account.email);
  expect(note.subject).toBe('Your password was changed');
});

test('an email changes by the code that went to the new address; the old one is told twice', async () => {
  const account = await begin();
  const { id } = await askForChange(account, 'New@Example.org');
  const code = await world.codeFor('new@example.org');
  expect((await describe(account)).email).toBe(account.email);
  expect(await problemOf(world.identity.accounts.confirmEmailChange({ id, code: wrongCode(code) }, account.behalf))).toBe('wrong-code');
  await world.identity.accounts.confirmEmailChange({ id, code }, account.behalf);
  expect((await describe(account)).email).toBe('new@example.org');
  await logIn('new@example.org');
  expect(await problemOf(logIn(account.email))).toBe('wrong-credentials');
  await world.mail.waitFor(account.email, ({ subject }) => subject === 'Your account is to have another email address');
  await world.mail.waitFor(account.email, ({ subject }) => subject === 'Your account has another email address');
  expect(await problemOf(world.identity.accounts.confirmEmailChange({ id, code }, account.behalf))).toBe('code-expired');
});

test('a change of email needs the password, and a new address that is one', async () => {
  const account = await begin();
  expect(await problemOf(askForChange(account, 'other@example.org', 'not this password'))).toBe('wrong-credentials');
  expect(await problemOf(askForChange(account, account.email.toUpperCase()))).toBe('invalid-request');
  expect(await problemOf(askForChange(account, 'none'))).toBe('invalid-request');
  expect(subjectsTo(account.email)).toEqual([]);
});

test("a code confirms its own user's change only, and others' tries do not count", async () => {
  const [account, other] = [await begin(), await begin()];
  const { id } = await askForChange(account, 'mine@example.org');
  const code = await world.codeFor('mine@example.org');
  for (let attempt = 0; attempt < 6; attempt++)
    expect(await problemOf(world.identity.accounts.confirmEmailChange({ id, code }, other.behalf))).toBe('code-expired');
  // Nor does it confirm what it was not made for.
  expect(await problemOf(world.identity.accounts.confirmRegistration({ id, code }))).toBe('code-expired');
  await world.identity.accounts.confirmEmailChange({ id, code }, account.behalf);
});

test('an address that has an account is mailed no code, and the answer does not tell', async () => {
  const [account, other] = [await begin(), await begin({ email: 'settled@example.org' })];
  const { code, id } = await askForChange(account, other.email);
  expect([code, id]).toEqual(['', expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  const mail = await world.mail.waitFor(other.email);
  expect(mail.subject).toBe('You have an account already');
  expect(mail.text).not.toMatch(/\b\d{6}\b/);
});

test('an address that somebody takes before the code is confirmed stays theirs', async () => {
  const account = await begin();
  const { id } = await askForChange(account, 'contested@example.org');
  const code = await world.codeFor('contested@example.org');
  await world.identity.makeAccount({ email: 'contested@example.org' });
  expect(await problemOf(world.identity.accounts.confirmEmailChange({ id, code }, account.behalf))).toBe('account-exists');
  expect((await describe(account)).email).toBe(account.email);
});

test('one account has a code sent once a minute and ten times a day, whatever the addresses', async () => {
  const account = await begin();
  for (let asked = 0; asked < 10; asked++) {
    await askForChange(account, `spray-${asked}@example.org`);
    expect(await problemOf(askForChange(account, `spray-more-${asked}@example.org`))).toBe('rate-limited');
    world.clock.advance(61_000);
    // Tokens last five minutes.
    account.behalf = await world.identity.behalf(account.session);
  }
  expect(await problemOf(askForChange(account, 'spray-last@example.org'))).toBe('rate-limited');
  // What was refused counts for nothing at the address, nor at the account.
  await world.register('spray-last@example.org');
  const other = await begin();
  expect(await problemOf(askForChange(other, 'spray-last@example.org'))).toBe('rate-limited');
  await askForChange(other, 'spray-else@example.org');
});

test('a new password voids a change of email, and links for a new password', async () => {
  const account = await begin();
  const { id } = await askForChange(account, 'thief@example.org');
  const code = await world.codeFor('thief@example.org');
  await world.identity.accounts.requestPasswordReset({ email: account.email });
  const { text } = await world.mail.waitFor(account.email, ({ subject }) => subject === 'A new password');
  const token = /#(\S+)/.exec(text)?.[1] ?? '';
  await world.identity.accounts.changePassword({ current: PASSWORD, password: NEW_PASSWORD }, account.behalf);
  expect(await problemOf(world.identity.accounts.confirmEmailChange({ id, code }, account.behalf))).toBe('code-expired');
  expect(await problemOf(world.identity.accounts.resetPassword({ token, password: PASSWORD }))).toBe('link-expired');
});

test('a new password and a new email at the same moment wait for each other', async () => {
  const account = await begin();
  const { id } = await askForChange(account, 'simultaneous@example.org');
  const code = await world.codeFor('simultaneous@example.org');
  await world.identity.accounts.requestPasswordReset({ email: account.email });
  await world.mail.waitFor(account.email, ({ subject }) => subject === 'A new password');
  const rows = `SELECT FROM password_reset AS one JOIN email_change AS other USING (user_id) WHERE user_id = $1 FOR UPDATE OF one, other`;
  const { accounts } = world.identity;
  const outcomes = await holding(world.identity, rows, account.user, () => [
    accounts.changePassword({ current: PASSWORD, password: NEW_PASSWORD }, account.behalf),
    accounts.confirmEmailChange({ id, code }, account.behalf),
  ]);
  expect(outcomes).toEqual(Array(2).fill('no refusal, but undefined'));
});

test('bots, and services as themselves, have no account to change', async () => {
  const bot = await world.identity.makeAccount({ role: 'bot' });
  const behalf = await world.identity.behalf(bot.session);
  const { accounts } = world.identity;
  for (const [options, refusal] of [
    [behalf, 'forbidden'],
    [{}, /^only the code (7|16)$/],
  ] as const) {
    const calls = [
      accounts.describeAccount({}, options),
      accounts.changePassword({ current: PASSWORD, password: NEW_PASSWORD }, options),
      accounts.requestEmailChange({ email: 'bot@example.org', password: PASSWORD }, options),
      accounts.confirmEmailChange({ id: 'x', code: '000000' }, options),
    ];
    for (const answer of await Promise.all(calls.map(problemOf))) expect(answer).toMatch(refusal);
  }
});

test('log-ins with the old password that come while it is changed have ended afterwards', async () => {
  const account = await begin();
  const { email, behalf } = account;
  // A log-in that is right takes back what it counted: this can be kept up for as long as the password is known.
  const underWay = Array.from({ length: 12 }, () => logIn(email).catch(() => undefined));
  await world.identity.accounts.changePassword({ current: PASSWORD, password: NEW_PASSWORD }, behalf);
  await Promise.all(underWay);
  const { sessions } = await world.identity.sessions.listSessions({}, behalf);
  expect(sessions).toHaveLength(1);
});
