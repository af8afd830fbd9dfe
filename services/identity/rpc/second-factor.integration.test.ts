import { base32 } from '@better-auth/utils/base32';
import { createOTP } from '@better-auth/utils/otp';
import { FakeClock } from '@starling/testing/clock';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClientContext } from '../domain/client-context.ts';
import { clientAt, PASSWORD, problemOf, startTestIdentity, type TestAccount, type TestIdentity } from '../test-identity.ts';
import { TestAuthenticator } from './test-authenticator.ts';

const STEP_MS = 30_000;
const clock = new FakeClock(Date.now());
let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
});

afterAll(() => identity.stop());

/** What an authenticator app shows, so many steps from now. */
async function codeOf(secret: string, steps = 0): Promise<string> {
  return createOTP(Buffer.from(base32.decode(secret)).toString()).hotp(Math.floor(clock.now() / STEP_MS) + steps);
}

async function wrongCode(secret: string): Promise<string> {
  const good = await Promise.all([-1, 0, 1].map((steps) => codeOf(secret, steps)));
  return ['000000', '000001', '000002', '000003'].find((code) => !good.includes(code)) as string;
}

async function beginTotp(account: TestAccount): Promise<string> {
  return (await identity.secondFactor.beginTotp({ password: PASSWORD }, await identity.behalf(account.session))).secret;
}

async function enrol(): Promise<{ account: TestAccount; secret: string; codes: string[] }> {
  const account = await identity.makeAccount();
  const secret = await beginTotp(account);
  const { codes } = await identity.secondFactor.confirmTotp({ code: await codeOf(secret) }, await identity.behalf(account.session));
  // The code that confirmed is used up.
  clock.advance(STEP_MS);
  return { account, secret, codes };
}

async function challenge(account: TestAccount) {
  const { result } = await identity.sessions.logIn({ email: account.email, password: PASSWORD });
  if (result.case !== 'secondFactor') throw new Error(`the log-in ended as ${result.case}`);
  return result.value;
}

async function complete(account: TestAccount, method: string, code: string, client?: ClientContext) {
  return identity.sessions.completeLogIn({ challenge: (await challenge(account)).challenge, method, code, ...(client && { client }) });
}

test('an account with a second factor has no session before it was given', async () => {
  const { account, secret } = await enrol();
  const before = await identity.db.query('SELECT FROM session WHERE "userId" = $1', [account.user]);
  const wanted = await challenge(account);
  expect(wanted).toMatchObject({ methods: ['totp', 'recovery-code'], expiresAt: clock.now() + 5 * 60_000 });
  expect((await identity.db.query('SELECT FROM session WHERE "userId" = $1', [account.user])).rowCount).toBe(before.rowCount);
  const begun = await identity.sessions.completeLogIn({ challenge: wanted.challenge, method: 'totp', code: await codeOf(secret) });
  expect((await identity.sessions.mintToken({ session: begun.session })).user).toBe(account.user);
});

test('an enrolment is in force only when it was confirmed', async () => {
  const account = await identity.makeAccount();
  const secret = await beginTotp(account);
  const user = await identity.behalf(account.session);
  expect((await identity.sessions.logIn({ email: account.email, password: PASSWORD })).result.case).toBe('begun');
  expect(await problemOf(identity.secondFactor.confirmTotp({ code: await wrongCode(secret) }, user))).toBe('wrong-code');
  clock.advance(15 * 60_000);
  const later = await identity.behalf(account.session);
  expect(await problemOf(identity.secondFactor.confirmTotp({ code: await codeOf(secret) }, later))).toBe('wrong-code');
  expect((await identity.sessions.logIn({ email: account.email, password: PASSWORD })).result.case).toBe('begun');
});

test('beginning again leaves the factor that is in force as it is', async () => {
  const { account, secret, codes } = await enrol();
  const next = await beginTotp(account);
  expect(next).not.toBe(secret);
  expect(await problemOf(complete(account, 'totp', await codeOf(next)))).toBe('wrong-code');
  await complete(account, 'totp', await codeOf(secret));
  const renewed = await identity.secondFactor.confirmTotp({ code: await codeOf(next) }, await identity.behalf(account.session));
  clock.advance(STEP_MS);
  expect(await problemOf(complete(account, 'totp', await codeOf(secret)))).toBe('wrong-code');
  expect(await problemOf(complete(account, 'recovery-code', codes[0] as string))).toBe('wrong-code');
  await complete(account, 'totp', await codeOf(next));
  await complete(account, 'recovery-code', renewed.codes[0] as string);
});

test('a code is accepted once, also within its time and by two at once', async () => {
  const { account, secret } = await enrol();
  const code = await codeOf(secret);
  const challenges = [await challenge(account), await challenge(account), await challenge(account)];
  const outcomes = await Promise.all(
    challenges.map((wanted) => problemOf(identity.sessions.completeLogIn({ challenge: wanted.challenge, method: 'totp', code }))),
  );
  expect(outcomes.sort()).toEqual(['no refusal, but undefined', 'wrong-code', 'wrong-code']);
  expect(await problemOf(complete(account, 'totp', code))).toBe('wrong-code');
  // Nor one from before it.
  expect(await problemOf(complete(account, 'totp', await codeOf(secret, -1)))).toBe('wrong-code');
});

test('the code that confirmed an enrolment is used up by it', async () => {
  const account = await identity.makeAccount();
  const secret = await beginTotp(account);
  const code = await codeOf(secret);
  await identity.secondFactor.confirmTotp({ code }, await identity.behalf(account.session));
  expect(await problemOf(complete(account, 'totp', code))).toBe('wrong-code');
});

test('a challenge is good for one log-in, for five tries and five minutes', async () => {
  const { account, secret } = await enrol();
  const used = (await challenge(account)).challenge;
  await identity.sessions.completeLogIn({ challenge: used, method: 'totp', code: await codeOf(secret) });
  clock.advance(STEP_MS);
  expect(await problemOf(identity.sessions.completeLogIn({ challenge: used, method: 'totp', code: await codeOf(secret) }))).toBe(
    'code-expired',
  );

  const guessed = (await challenge(account)).challenge;
  const code = await wrongCode(secret);
  const tries = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7].map(() => problemOf(identity.sessions.completeLogIn({ challenge: guessed, method: 'totp', code }))),
  );
  expect(tries.sort()).toEqual([...Array(2).fill('code-expired'), ...Array(5).fill('wrong-code')]);
  expect(await problemOf(identity.sessions.completeLogIn({ challenge: guessed, method: 'totp', code: await codeOf(secret) }))).toBe(
    'code-expired',
  );

  const late = (await challenge(account)).challenge;
  clock.advance(5 * 60_000);
  expect(await problemOf(identity.sessions.completeLogIn({ challenge: late, method: 'totp', code: await codeOf(secret) }))).toBe(
    'code-expired',
  );
  for (const none of ['', 'x', crypto.randomUUID()])
    expect(await problemOf(identity.sessions.completeLogIn({ challenge: none, method: 'totp', code: '000000' }))).toBe('code-expired');
});

test('guessing is bounded for the account, and leaves recovery codes as a way in', async () => {
  const { account, secret, codes } = await enrol();
  const code = await wrongCode(secret);
  const outcomes: string[] = [];
  for (let attempt = 0; attempt < 12; attempt++) outcomes.push(await problemOf(complete(account, 'totp', code)));
  expect(outcomes).toEqual([...Array(10).fill('wrong-code'), 'rate-limited', 'rate-limited']);
  expect(await problemOf(complete(account, 'totp', await codeOf(secret)))).toBe('rate-limited');
  await complete(account, 'recovery-code', codes[3] as string);
  clock.advance(600_000);
  await complete(account, 'totp', await codeOf(secret));
});

test('whoever has only the password locks the owner out at no known device, where tries end too', async () => {
  const [{ account, secret, codes }, other] = [await enrol(), await identity.makeAccount()];
  const wrong = await wrongCode(secret);
  const owner = clientAt('192.0.2.1', { device: account.device });
  const attacker = clientAt('192.0.2.2', { device: other.device });
  for (let attempt = 0; attempt < 10; attempt++) {
    expect(await problemOf(complete(account, 'totp', wrong, attacker))).toBe('wrong-code');
    expect(await problemOf(complete(account, 'recovery-code', 'none', attacker))).toBe('wrong-code');
  }
  expect(await problemOf(complete(account, 'totp', await codeOf(secret), attacker))).toBe('rate-limited');
  expect(await problemOf(complete(account, 'recovery-code', codes[0] as string, attacker))).toBe('rate-limited');
  await complete(account, 'totp', await codeOf(secret), owner);
  await complete(account, 'recovery-code', codes[0] as string, owner);
  clock.advance(STEP_MS);
  const credentials = { email: account.email, password: PASSWORD };
  await identity.sessions.issueToken({ ...credentials, code: await codeOf(secret), client: owner });
  await identity.sessions.issueToken({ ...credentials, code: codes[1] as string, client: owner });
  clock.advance(STEP_MS);
  for (let attempt = 0; attempt < 10; attempt++) expect(await problemOf(complete(account, 'totp', wrong, owner))).toBe('wrong-code');
  expect(await problemOf(complete(account, 'totp', await codeOf(secret), owner))).toBe('rate-limited');
});

test('codes that are right count for nothing', async () => {
  const { account, secret } = await enrol();
  for (let attempt = 0; attempt < 12; attempt++) {
    await complete(account, 'totp', await codeOf(secret));
    clock.advance(STEP_MS);
  }
});

test('a recovery code is good once, however it is written and also by two at once', async () => {
  const { account, codes } = await enrol();
  expect(codes).toHaveLength(10);
  const code = (codes[0] as string).toUpperCase().replace('-', '');
  const challenges = [await challenge(account), await challenge(account)];
  const outcomes = await Promise.all(
    challenges.map((wanted) => problemOf(identity.sessions.completeLogIn({ challenge: wanted.challenge, method: 'recovery-code', code }))),
  );
  expect(outcomes.sort()).toEqual(['no refusal, but undefined', 'wrong-code']);
  expect(await problemOf(complete(account, 'recovery-code', code))).toBe('wrong-code');
  await complete(account, 'recovery-code', codes[1] as string);
});

test('new recovery codes void those before', async () => {
  const { account, codes } = await enrol();
  const user = await identity.behalf(account.session);
  const renewed = await identity.secondFactor.newRecoveryCodes({ password: PASSWORD }, user);
  expect(renewed.codes.some((code) => codes.includes(code))).toBe(false);
  expect(await problemOf(complete(account, 'recovery-code', codes[0] as string))).toBe('wrong-code');
  await complete(account, 'recovery-code', renewed.codes[0] as string);
  const without = await identity.makeAccount();
  expect(await problemOf(identity.secondFactor.newRecoveryCodes({ password: PASSWORD }, await identity.behalf(without.session)))).toBe(
    'already-so',
  );
});

test('a challenge is bound to its user: the code of another does not do', async () => {
  const [ann, bob] = [await enrol(), await enrol()];
  expect(await problemOf(complete(ann.account, 'totp', await codeOf(bob.secret)))).toBe('wrong-code');
  expect(await problemOf(complete(ann.account, 'recovery-code', bob.codes[0] as string))).toBe('wrong-code');
  await complete(bob.account, 'recovery-code', bob.codes[0] as string);
});

test('what is not asked for is refused', async () => {
  const { account, secret } = await enrol();
  for (const method of ['', 'passkey', 'enrolment', 'constructor']) {
    expect(await problemOf(complete(account, method, await codeOf(secret)))).toBe('wrong-code');
  }
});

test('a program gives its code with the password', async () => {
  const { account, secret, codes } = await enrol();
  const credentials = { email: account.email, password: PASSWORD };
  expect(await problemOf(identity.sessions.issueToken(credentials))).toBe('second-factor-required');
  expect(await problemOf(identity.sessions.issueToken({ ...credentials, code: await wrongCode(secret) }))).toBe('wrong-code');
  const code = await codeOf(secret);
  expect((await identity.sessions.issueToken({ ...credentials, code })).user).toBe(account.user);
  expect(await problemOf(identity.sessions.issueToken({ ...credentials, code }))).toBe('wrong-code');
  expect((await identity.sessions.issueToken({ ...credentials, code: codes[0] as string })).user).toBe(account.user);
});

test('without the password nothing is changed; when it is removed, none is asked for', async () => {
  const { account } = await enrol();
  const user = await identity.behalf(account.session);
  const password = 'not this password';
  const { beginTotp: begin, newRecoveryCodes, removeTotp } = identity.secondFactor;
  for (const call of [begin, newRecoveryCodes, removeTotp]) expect(await problemOf(call({ password }, user))).toBe('wrong-credentials');
  const open = (await challenge(account)).challenge;
  await removeTotp({ password: PASSWORD }, user);
  expect((await identity.sessions.logIn({ email: account.email, password: PASSWORD })).result.case).toBe('begun');
  expect(await problemOf(identity.sessions.completeLogIn({ challenge: open, method: 'totp', code: '000000' }))).toBe('code-expired');
});

test('a passkey stands in for both factors', async () => {
  const { account } = await enrol();
  const origin = 'https://chat.example.org';
  const authenticator = new TestAuthenticator();
  const adding = await identity.passkeys.beginPasskey({ password: PASSWORD, origin }, await identity.behalf(account.session));
  const made = authenticator.create(adding.options, { origin });
  await identity.passkeys.addPasskey({ challenge: adding.id, response: made, name: 'x' }, await identity.behalf(account.session));
  expect((await challenge(account)).methods).toEqual(['totp', 'recovery-code', 'passkey']);
  const { id, options } = await identity.passkeys.beginPasskeyLogIn({ origin });
  expect((await identity.passkeys.passkeyLogIn({ challenge: id, response: authenticator.get(options, { origin }) })).user).toBe(
    account.user,
  );
});

test('neither secrets nor codes nor challenges can be read in the database or in the log', async () => {
  const { account, secret, codes } = await enrol();
  const wanted = await challenge(account);
  const waiting = await beginTotp(account);
  const { rows } = await identity.db.query(
    `SELECT (SELECT string_agg(t::text, '') FROM totp t) || (SELECT string_agg(c::text, '') FROM recovery_code c)
            || (SELECT string_agg(c::text, '') FROM second_factor_challenge c) AS stored`,
  );
  const shown = rows[0].stored + identity.world.logLines.join('');
  for (const text of [secret, waiting, Buffer.from(base32.decode(secret)).toString(), wanted.challenge, ...codes])
    for (const written of [text, Buffer.from(text).toString('hex'), text.replace('-', '')]) expect(shown).not.toContain(written);
});
