import { afterAll, beforeAll, expect, test } from 'vitest';
import { problemOf } from '../test-identity.ts';
import { startTestSignOn, type TestSignOn } from './test-sign-on.ts';

let world: TestSignOn;
let owner: Awaited<ReturnType<TestSignOn['identity']['makeAccount']>>;

beforeAll(async () => {
  world = await startTestSignOn({ registration: 'invite', ownerEmail: 'Boss@example.org' });
  owner = await world.identity.makeAccount({ role: 'owner' });
});

afterAll(() => world.stop());

let strangers = 0;
function stranger(email = `stranger-${++strangers}@example.org`): string {
  world.one.people[email] = { email, email_verified: true, name: 'Stranger' };
  return email;
}

async function signOn(person: string, invite = '') {
  return (await world.identity.signOn.finishSignOn(await world.comeBack({ person, invite }))).result;
}

async function invite(more: { email?: string; role?: string; uses?: number } = {}) {
  const { administration, behalf } = world.identity;
  return administration.createInvite(
    { role: 'guest', uses: 1, expiresAt: world.clock.now() + 3_600_000, ...more },
    await behalf(owner.session),
  );
}

test('without an invite nobody new gets in, and the provider’s word makes no owner', async () => {
  expect(await problemOf(signOn(stranger()))).toBe('invite-required');
  expect(await problemOf(signOn(stranger(), 'no invite'))).toBe('invite-required');
  expect(await problemOf(signOn(stranger('boss@example.org')))).toBe('sign-on-refused');
  expect(await problemOf(signOn(stranger('boss@example.org'), (await invite()).token))).toBe('sign-on-refused');
});

test('an invite lets in as many as it is for, as what it is for', async () => {
  const { token } = await invite();
  const result = await signOn(stranger(), token);
  if (result.case !== 'begun') throw new Error(`the sign-on ended as ${result.case}`);
  expect((await world.identity.parts.accounts.describe(result.value.user))?.role).toBe('guest');
  expect(await problemOf(signOn(stranger(), token))).toBe('invite-required');
});

test('of two who come with the last use of an invite at once, one gets in, and the other leaves no trace', async () => {
  const { token } = await invite();
  const backs = [await world.comeBack({ person: stranger(), invite: token }), await world.comeBack({ person: stranger(), invite: token })];
  const outcomes = await Promise.all(backs.map((back) => problemOf(world.identity.signOn.finishSignOn(back))));
  expect(outcomes.sort()).toEqual(['invite-required', 'no refusal, but undefined']);
  const { rows } = await world.identity.db.query('SELECT count(*)::int AS count FROM "user" WHERE email = ANY($1)', [
    [`stranger-${strangers}@example.org`, `stranger-${strangers - 1}@example.org`],
  ]);
  expect(rows).toEqual([{ count: 1 }]);
});

test('an invite for an address is for that address, as the provider vouches for it', async () => {
  const { token } = await invite({ email: 'invited@example.org' });
  expect(await problemOf(signOn(stranger(), token))).toBe('invite-required');
  world.one.people['unverified'] = { email: 'invited@example.org', email_verified: false };
  expect(await problemOf(signOn('unverified', token))).toBe('sign-on-refused');
  expect((await signOn(stranger('Invited@example.org'), token)).case).toBe('begun');
});

test('who has an account needs no invite', async () => {
  const person = stranger();
  await signOn(person, (await invite()).token);
  expect((await signOn(person)).case).toBe('begun');
});
