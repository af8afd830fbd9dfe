import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashPassword } from '../domain/password.ts';
import { PASSWORD, problemOf, startTestIdentity, type TestIdentity } from '../test-identity.ts';
import type { NewAccount } from './accounts.ts';

let identity: TestIdentity;
const never = new AbortController().signal;

beforeAll(async () => {
  identity = await startTestIdentity();
});

afterAll(() => identity.stop());

const newAccount = (email: string, more: Partial<NewAccount> = {}): NewAccount => ({ email, name: 'Somebody', role: 'member', ...more });

test('an email has one account, however it is written and however many ask at once', async () => {
  const { accounts } = identity.parts;
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      accounts.create(newAccount(index % 2 ? 'ONE@example.org' : 'one@example.org', { passwordHash: 'a hash' }), undefined),
    ),
  );
  expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(5);
  const { rows } = await identity.db.query(
    `SELECT (SELECT count(*)::int FROM account WHERE "userId" = "user".id) AS accounts,
       (SELECT count(*)::int FROM session WHERE "userId" = "user".id) AS sessions,
       (SELECT count(*)::int FROM outbox WHERE key = "user".id::text) AS facts
     FROM "user" WHERE email = 'one@example.org'`,
  );
  expect(rows).toEqual([{ accounts: 1, sessions: 1, facts: 1 }]);
});

test('an account of a provider is linked to one user, and has no password', async () => {
  const { accounts } = identity.parts;
  const signOn = { issuer: 'https://issuer.example', subject: 'ann' };
  const begun = await accounts.create(newAccount('ann@example.org', { signOn }), undefined);
  expect(begun).not.toBe('exists');
  expect(await accounts.create(newAccount('bob@example.org', { signOn }), undefined)).toBe('exists');
  expect(await accounts.findByEmail('bob@example.org')).toBeUndefined();
  const found = await accounts.findByEmail('ANN@example.org');
  expect(found).toMatchObject({ email: 'ann@example.org', role: 'member', disabled: false, hasPassword: false });
  expect(await problemOf(accounts.confirmPassword(found?.id as string, '', undefined, never))).toBe('wrong-credentials');
  await accounts.setPassword(found?.id as string, await hashPassword(PASSWORD));
  expect(await accounts.checkCredentials({ email: 'ann@example.org', password: PASSWORD }, undefined, never)).toMatchObject({
    id: found?.id,
    hasPassword: true,
  });
});

test('a new password ends all sessions but one, and the old password with them', async () => {
  const account = await identity.makeAccount();
  const { accounts, sessions } = identity.parts;
  const kept = (await sessions.find(account.session))?.id as string;
  const other = await sessions.begin(account.user, undefined);
  await accounts.setPassword(account.user, await hashPassword('quite another password'), { exceptSession: kept });
  expect(await sessions.find(other.session)).toBeUndefined();
  expect((await sessions.find(account.session))?.id).toBe(kept);
  const { email } = account;
  expect(await problemOf(accounts.checkCredentials({ email, password: PASSWORD }, undefined, never))).toBe('wrong-credentials');
  expect((await accounts.checkCredentials({ email, password: 'quite another password' }, undefined, never)).id).toBe(account.user);
});

test('a log-in with the old password that is under way when a new one is set begins nothing', async () => {
  const { accounts, sessions, refreshTokens } = identity.parts;
  const { user, email } = await identity.makeAccount();
  const { proof } = await accounts.checkCredentials({ email, password: PASSWORD }, undefined, never);
  await sessions.begin(user, undefined, proof);
  await identity.db.query("INSERT INTO second_factor_challenge (hash, user_id, expires_at) VALUES ($1, $2, now() + interval '5 minutes')", [
    Buffer.from(user),
    user,
  ]);
  await accounts.setPassword(user, await hashPassword('quite another password'));
  expect(await problemOf(sessions.begin(user, undefined, proof))).toBe('wrong-credentials');
  expect(await problemOf(refreshTokens.begin(user, undefined, proof))).toBe('wrong-credentials');
  const { rows } = await identity.db.query(
    'SELECT (SELECT count(*)::int FROM session WHERE "userId" = $1) AS sessions, (SELECT count(*)::int FROM second_factor_challenge WHERE user_id = $1) AS challenges',
    [user],
  );
  expect(rows).toEqual([{ sessions: 0, challenges: 0 }]);
});

test('an email that is taken can not be changed to, and one that is free can', async () => {
  const [account, other] = [await identity.makeAccount(), await identity.makeAccount()];
  const { accounts } = identity.parts;
  expect(await accounts.changeEmail(account.user, other.email.toUpperCase())).toBe('exists');
  expect((await accounts.describe(account.user))?.email).toBe(account.email);
  expect(await accounts.changeEmail(account.user, 'Free@example.org')).toBe('done');
  expect((await accounts.describe(account.user))?.email).toBe('free@example.org');
  expect((await accounts.checkCredentials({ email: 'free@example.org', password: PASSWORD }, undefined, never)).id).toBe(account.user);
});

test('an account of a user that does not exist is nobody', async () => {
  const nobody = crypto.randomUUID();
  const { accounts, sessions } = identity.parts;
  expect(await accounts.describe(nobody)).toBeUndefined();
  expect(await problemOf(accounts.confirmPassword(nobody, PASSWORD, undefined, never))).toBe('wrong-credentials');
  expect(await problemOf(sessions.begin(nobody, undefined))).toBe('wrong-credentials');
});

test('of the devices of an account the last 20 are remembered', async () => {
  const account = await identity.makeAccount();
  let newest = '';
  for (let index = 0; index < 25; index++) ({ device: newest } = await identity.parts.sessions.begin(account.user, undefined));
  const { rows } = await identity.db.query('SELECT secret FROM device WHERE user_id = $1', [account.user]);
  expect(rows).toHaveLength(20);
  const hash = identity.parts.devices.hash(newest);
  expect(rows.some(({ secret }) => hash?.equals(secret))).toBe(true);
});
