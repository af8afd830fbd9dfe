import { randomUUID } from 'node:crypto';
import { ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PASSWORD, problemOf, startTestIdentity, type TestAccount, type TestIdentity } from '../test-identity.ts';

let identity: TestIdentity;
let owner: TestAccount;

beforeEach(async () => {
  identity = await startTestIdentity();
  owner = await identity.makeAccount({ email: 'owner@example.org', name: 'Olga', role: 'owner' });
});

afterEach(() => identity.stop());

async function setRole(by: TestAccount, user: string, role: string) {
  return identity.administration.setRole({ user, role }, await identity.behalf(by.session));
}

async function setDisabled(by: TestAccount, user: string, disabled = true) {
  return identity.administration.setDisabled({ user, disabled }, await identity.behalf(by.session));
}

test('disabling a user ends the sessions, lets none begin, and can be undone', async () => {
  const account = await identity.makeAccount();
  const issued = await identity.sessions.issueToken({ email: account.email, password: PASSWORD });
  await setDisabled(owner, account.user);
  expect(await problemOf(identity.sessions.mintToken({ session: account.session }))).toBe('unauthenticated');
  expect(await problemOf(identity.sessions.refreshToken({ refreshToken: issued.refreshToken }))).toBe('unauthenticated');
  expect(await problemOf(identity.sessions.logIn({ email: account.email, password: PASSWORD }))).toBe('wrong-credentials');
  expect((await identity.db.query('SELECT FROM session WHERE "userId" = $1', [account.user])).rowCount).toBe(0);
  await setDisabled(owner, account.user, false);
  expect(await problemOf(identity.sessions.mintToken({ session: account.session }))).toBe('unauthenticated');
  expect((await identity.sessions.logIn({ email: account.email, password: PASSWORD })).result.case).toBe('begun');
});

test('a new role is in the next token', async () => {
  const account = await identity.makeAccount();
  await setRole(owner, account.user, 'admin');
  const { token } = await identity.sessions.mintToken({ session: account.session });
  expect((await identity.world.platform('user').gate.verifyUserToken(token)).role).toBe('admin');
});

test('the last owner stays, also when two owners end each other at once', async () => {
  const second = await identity.makeAccount({ role: 'owner' });
  const outcomes = await Promise.all([problemOf(setRole(owner, second.user, 'member')), problemOf(setRole(second, owner.user, 'member'))]);
  expect(outcomes.filter((outcome) => outcome === 'forbidden')).toHaveLength(1);
  const { rows } = await identity.db.query(`SELECT id FROM "user" WHERE role = 'owner' AND NOT disabled`);
  expect(rows).toHaveLength(1);
  const last = [owner, second].find(({ user }) => user === rows[0].id) as TestAccount;
  expect(await problemOf(setRole(last, last.user, 'admin'))).toBe('forbidden');
});

test('an admin changes neither owners nor into one, and what is refused says why', async () => {
  const [admin, member] = [await identity.makeAccount({ role: 'admin' }), await identity.makeAccount()];
  for (const attempt of [
    () => setDisabled(admin, owner.user),
    () => setRole(admin, owner.user, 'member'),
    () => setRole(admin, member.user, 'owner'),
    () => setRole(admin, admin.user, 'owner'),
    () => setDisabled(admin, admin.user),
  ])
    expect(await problemOf(attempt())).toBe('forbidden');
  await expect(setDisabled(admin, owner.user)).rejects.toSatisfy(
    (error) => error instanceof ConnectError && error.metadata.get('starling-detail') === 'Only an owner changes an owner.',
  );
  await setRole(admin, member.user, 'guest');
  await setDisabled(admin, member.user);
});

test('a member may none of it, nor an admin who is one no more', async () => {
  const [member, admin] = [await identity.makeAccount(), await identity.makeAccount({ role: 'admin' })];
  const behalf = await identity.behalf(member.session);
  expect(await problemOf(identity.administration.listUsers({}, behalf))).toBe('forbidden');
  expect(await problemOf(setDisabled(member, owner.user))).toBe('forbidden');
  expect(await problemOf(setRole(member, member.user, 'admin'))).toBe('forbidden');
  // The token still says admin.
  const before = await identity.behalf(admin.session);
  await setRole(owner, admin.user, 'member');
  expect(await problemOf(identity.administration.setRole({ user: member.user, role: 'guest' }, before))).toBe('forbidden');
});

test('what is not there is not found, and no other role is taken', async () => {
  const member = await identity.makeAccount();
  for (const user of [randomUUID(), 'no id', '']) {
    expect(await problemOf(setDisabled(owner, user))).toBe('not-found');
    expect(await problemOf(setRole(owner, user, 'guest'))).toBe('not-found');
  }
  expect(await problemOf(setRole(owner, member.user, 'god'))).toBe('invalid-request');
  expect(await problemOf(setRole(owner, member.user, 'bot'))).toBe('forbidden');
});

test('the list is in pages by email, and is searched by the beginning of email or name', async () => {
  for (const letter of ['d', 'b', 'c', 'a']) await identity.makeAccount({ email: `${letter}@example.org`, name: `Name ${letter}%` });
  const behalf = await identity.behalf(owner.session);
  const first = await identity.administration.listUsers({ limit: 3 }, behalf);
  expect(first.users.map(({ email }) => email)).toEqual(['a@example.org', 'b@example.org', 'c@example.org']);
  expect(first.more).toBe(true);
  const rest = await identity.administration.listUsers({ limit: 3, after: first.users[2]?.id as string }, behalf);
  expect(rest.users.map(({ email }) => email)).toEqual(['d@example.org', 'owner@example.org']);
  expect(rest.more).toBe(false);
  const found = async (search: string) => (await identity.administration.listUsers({ search }, behalf)).users.map(({ email }) => email);
  expect(await found('OLG')).toEqual(['owner@example.org']);
  expect(await found('name c%')).toEqual(['c@example.org']);
  expect(await found('%')).toEqual([]);
  expect(await found('_@')).toEqual([]);
  const [shown] = rest.users.filter(({ id }) => id === owner.user);
  expect(shown).toMatchObject({ name: 'Olga', role: 'owner', disabled: false });
  for (const time of [shown?.createdAt, shown?.lastUsedAt]) expect(Math.abs((time ?? 0) - Date.now())).toBeLessThan(60_000);
});
