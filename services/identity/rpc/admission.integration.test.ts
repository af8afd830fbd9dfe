import { waitFor } from '@starling/testing/wait-for';
import { expect, onTestFinished, test } from 'vitest';
import type { IdentityConfig } from '../config.ts';
import { clientAt, PASSWORD, problemOf, startTestIdentity, type TestIdentity } from '../test-identity.ts';
import { readCode, startTestRegistration, type TestRegistration, wrongCode } from './test-registration.ts';

const atMachine = { client: clientAt('', { local: true }) };

async function startLocal(config: Partial<IdentityConfig> = {}): Promise<TestIdentity> {
  const identity = await startTestIdentity({ config });
  onTestFinished(() => identity.stop());
  return identity;
}

async function startMailed(config: Partial<IdentityConfig>): Promise<TestRegistration> {
  const world = await startTestRegistration({ config });
  onTestFinished(() => world.stop());
  return world;
}

const register = (identity: TestIdentity, email: string, who = atMachine) =>
  identity.accounts.register({ email, password: PASSWORD, name: 'Somebody', ...who });

async function signUp(identity: TestIdentity, email: string): Promise<string> {
  const { id, code } = await register(identity, email);
  return (await identity.accounts.confirmRegistration({ id, code, ...atMachine })).user;
}

async function roleOf({ db }: TestIdentity, user: string): Promise<string> {
  const { rows } = await db.query('SELECT role FROM "user" WHERE id = $1', [user]);
  return rows[0]?.role;
}

const codeIn = (line: string) => /is (\d{6})"/.exec(line)?.[1] ?? '';

test('without a mail server the code is in the log once, and in the answer at the machine itself only', async () => {
  const identity = await startLocal();
  const local = await register(identity, 'local@example.org');
  expect(local.code).toMatch(/^\d{6}$/);
  const remote = await register(identity, 'remote@example.org', { client: clientAt('203.0.113.9') });
  expect(remote.code).toBe('');
  const lines = () => identity.world.logLines.filter((line) => line.includes('There is no mail server'));
  await waitFor(() => lines().length === 2);
  expect(lines().map(codeIn)).toContain(local.code);
  expect(lines().join('')).not.toContain('@example.org');
  const code = codeIn(lines().find((line) => line.includes(remote.id)) ?? '');
  await identity.accounts.confirmRegistration({ id: remote.id, code });
  expect(await problemOf(register(identity, 'Remote@example.org'))).toBe('account-exists');
});

test('with a mail server nobody is shown the code, and the log does not have it', async () => {
  const { identity, mail } = await startMailed({});
  const { code } = await register(identity, 'local@example.org');
  expect(code).toBe('');
  const mailed = readCode((await mail.waitFor('local@example.org')).text);
  expect(identity.world.logLines.join('')).not.toContain(mailed);
  await identity.accounts.describeEntry({});
  await identity.makeAccount({ email: 'taken@example.org' });
  expect((await register(identity, 'taken@example.org')).code).toBe('');
});

test('the first account of all, at the machine itself, is an owner; one of two at once, and nobody after', async () => {
  const identity = await startLocal({ registration: 'closed', firstLocalOwner: true });
  expect((await identity.accounts.describeEntry({})).registration).toBe('open');
  expect(await problemOf(register(identity, 'stranger@example.org', { client: clientAt('203.0.113.9') }))).toBe('registration-closed');
  const [first, second] = [await register(identity, 'first@example.org'), await register(identity, 'second@example.org')];
  const confirmed = await Promise.all(
    [first, second].map(({ id, code }) =>
      identity.accounts.confirmRegistration({ id, code, ...atMachine }).then(
        ({ user }) => roleOf(identity, user),
        (error) => error.metadata.get('starling-problem'),
      ),
    ),
  );
  expect(confirmed.sort()).toEqual(['owner', 'registration-closed']);
  expect((await identity.accounts.describeEntry({})).registration).toBe('closed');
});

test('who follows the first is a member, and so is the first from elsewhere', async () => {
  const identity = await startLocal({ firstLocalOwner: true });
  const { id, code } = await register(identity, 'shown@example.org');
  // Begun at the machine, ended elsewhere.
  const { user } = await identity.accounts.confirmRegistration({ id, code, client: clientAt('203.0.113.9') });
  expect(await roleOf(identity, user)).toBe('member');
  expect(await roleOf(identity, await signUp(identity, 'next@example.org'))).toBe('member');
});

test("the owner's address registers though nobody can, and who proves it is an owner", async () => {
  const { identity, makeAccount, register: begin } = await startMailed({ registration: 'closed', ownerEmail: 'Boss@Example.org' });
  expect(await problemOf(begin('other@example.org'))).toBe('registration-closed');
  expect(await roleOf(identity, (await makeAccount('boss@example.org')).user)).toBe('owner');
});

test('registration that was closed meanwhile is confirmed by nobody', async () => {
  const config: Partial<IdentityConfig> = { registration: 'open' };
  const { identity, register: begin, codeFor } = await startMailed(config);
  const { id } = await begin('slow@example.org');
  const code = await codeFor('slow@example.org');
  identity.config.registration = 'closed';
  expect(await problemOf(identity.accounts.confirmRegistration({ id, code }))).toBe('registration-closed');
  identity.config.registration = 'open';
  await identity.accounts.confirmRegistration({ id, code });
});

test('only web may ask, as itself', async () => {
  const identity = await startLocal();
  const { session } = await identity.makeAccount();
  const behalf = await identity.behalf(session);
  const request = { email: 'x@example.org', password: PASSWORD, name: 'X' };
  const calls = (['user', 'web'] as const).flatMap((service) => {
    const { accounts } = identity.as(service);
    const options = service === 'web' ? behalf : {};
    return [
      accounts.describeEntry({}, options),
      accounts.register(request, options),
      accounts.resendRegistrationCode({ id: 'x' }, options),
      accounts.confirmRegistration({ id: 'x', code: wrongCode('0') }, options),
      accounts.requestPasswordReset({ email: 'x@example.org' }, options),
      accounts.resetPassword({ token: 'x', password: PASSWORD }, options),
    ].map(problemOf);
  });
  for (const answer of await Promise.all(calls)) expect(answer).toMatch(/^only the code (7|16)$/);
});
