import { afterAll, beforeAll, expect, test } from 'vitest';
import { problemOf } from '../test-identity.ts';
import { dumpTables, startTestRegistration, type TestRegistration } from './test-registration.ts';

let world: TestRegistration;
let admin: Awaited<ReturnType<TestRegistration['identity']['behalf']>>;

beforeAll(async () => {
  world = await startTestRegistration({ config: { registration: 'invite' } });
  admin = await behalfOf('admin');
});

afterAll(() => world.stop());

async function behalfOf(role: 'owner' | 'admin' | 'member' | 'guest' | 'bot') {
  const { session } = await world.identity.makeAccount({ role });
  return world.identity.behalf(session);
}

const inDays = (days: number) => world.clock.now() + days * 86_400_000;

function invite(more: { email?: string; role?: string; uses?: number; expiresAt?: number } = {}, as = admin) {
  return world.identity.administration.createInvite({ email: '', role: 'member', uses: 1, expiresAt: inDays(7), ...more }, as);
}

async function roleOf(user: string): Promise<string> {
  return (await world.identity.db.query('SELECT role FROM "user" WHERE id = $1', [user])).rows[0]?.role;
}

test('an invite lets in as many as it says, each with its role', async () => {
  const { token, invite: made } = await invite({ role: 'guest', uses: 2 });
  expect(token).toMatch(/^[\w.~-]{1,512}$/);
  expect(made).toMatchObject({ role: 'guest', usesLeft: 2, email: '' });
  expect(await problemOf(world.register('uninvited@example.org'))).toBe('invite-required');
  expect(await roleOf((await world.makeAccount('guest-1@example.org', { invite: token })).user)).toBe('guest');
  const { invites } = await world.identity.administration.listInvites({}, admin);
  expect(invites.find(({ id }) => id === made?.id)?.usesLeft).toBe(1);
  await world.makeAccount('guest-2@example.org', { invite: token });
  expect(await problemOf(world.register('guest-3@example.org', { invite: token }))).toBe('invite-required');
});

test('two at once on the last use: one is let in, and the other has lost nothing else', async () => {
  const { token } = await invite();
  const emails = ['racer-1@example.org', 'racer-2@example.org'];
  const begun = await Promise.all(
    emails.map(async (email) => {
      const { id } = await world.register(email, { invite: token });
      return { id, code: await world.codeFor(email) };
    }),
  );
  const outcomes = await Promise.all(
    begun.map((each) =>
      world.identity.accounts.confirmRegistration(each).then(
        () => 'in',
        (error) => error.metadata.get('starling-problem'),
      ),
    ),
  );
  expect([...outcomes].sort()).toEqual(['in', 'invite-required']);
  const { rows } = await world.identity.db.query('SELECT email FROM "user" WHERE email = ANY($1)', [emails]);
  expect(rows).toHaveLength(1);
  // Code and registration of the other are still there: had the use come back, it would be let in.
  const { id: loser } = begun[outcomes.indexOf('invite-required')] as { id: string };
  const kept = await world.identity.db.query('SELECT FROM code JOIN registration ON registration.id = subject WHERE subject = $1', [loser]);
  expect(kept.rowCount).toBe(1);
});

test('an account that cannot be made costs no use', async () => {
  const { token, invite: made } = await invite();
  const { id } = await world.register('there@example.org', { invite: token });
  const code = await world.codeFor('there@example.org');
  await world.identity.makeAccount({ email: 'there@example.org' });
  expect(await problemOf(world.identity.accounts.confirmRegistration({ id, code }))).toBe('account-exists');
  const { rows } = await world.identity.db.query('SELECT uses_left AS uses FROM invite WHERE id = $1', [made?.id]);
  expect(rows[0].uses).toBe(1);
});

test('an invite for an address lets in that address only', async () => {
  const { token } = await invite({ email: 'Bound@Example.org', uses: 5 });
  expect(await problemOf(world.register('unbound@example.org', { invite: token }))).toBe('invite-required');
  await world.makeAccount('bound@example.org', { invite: token });
});

test('an invite that was revoked, has expired, or whose maker may make none any more, lets nobody in', async () => {
  const revoked = await invite();
  const { id } = await world.register('revoked@example.org', { invite: revoked.token });
  const code = await world.codeFor('revoked@example.org');
  await world.identity.administration.revokeInvite({ id: revoked.invite?.id ?? '' }, admin);
  expect(await problemOf(world.identity.accounts.confirmRegistration({ id, code }))).toBe('invite-required');
  expect(await problemOf(world.identity.administration.revokeInvite({ id: revoked.invite?.id ?? '' }, admin))).toBe('not-found');

  const maker = await world.identity.makeAccount({ role: 'admin' });
  const orphaned = await invite({}, await world.identity.behalf(maker.session));
  await world.identity.db.query('UPDATE "user" SET disabled = true WHERE id = $1', [maker.user]);
  expect(await problemOf(world.register('orphan@example.org', { invite: orphaned.token }))).toBe('invite-required');

  const expiring = await invite({ expiresAt: world.clock.now() + 1_000 });
  world.clock.advance(1_000);
  expect(await problemOf(world.register('expired@example.org', { invite: expiring.token }))).toBe('invite-required');
  admin = await behalfOf('admin');
});

test('a secret that was not made here, or belongs to another link, is no invite', async () => {
  const { token, invite: made } = await invite();
  for (const other of [made?.id ?? '', `${made?.id}.`, `${token}x`, token.slice(0, -2), 'x', '../..', `${token.split('.')[1]}`])
    expect(await problemOf(world.register('forger@example.org', { invite: other }))).toBe('invite-required');
});

test("the secret of an invite's link is not in the database", async () => {
  const { token, invite: made } = await invite();
  const stored = await dumpTables(world.identity);
  expect(stored).toContain(made?.id);
  const mac = token.split('.')[1] as string;
  for (const secret of [token, mac, Buffer.from(mac, 'base64url').toString('hex')]) expect(stored).not.toContain(secret);
});

test('owners and admins make, see and revoke invites; nobody else', async () => {
  await invite({}, await behalfOf('owner'));
  for (const role of ['member', 'guest', 'bot'] as const) {
    const other = await behalfOf(role);
    expect(await problemOf(invite({}, other))).toBe('forbidden');
    expect(await problemOf(world.identity.administration.listInvites({}, other))).toBe('forbidden');
    expect(await problemOf(world.identity.administration.revokeInvite({ id: 'x' }, other))).toBe('forbidden');
  }
});

test('an invite makes members or guests, within bounds', async () => {
  for (const bad of [{ role: 'owner' }, { role: 'admin' }, { role: '' }, { uses: 0 }, { uses: 1_001 }, { email: 'none' }])
    expect(await problemOf(invite(bad))).toBe('invalid-request');
  for (const expiresAt of [world.clock.now(), inDays(400), Number.NaN, Number.POSITIVE_INFINITY])
    expect(await problemOf(invite({ expiresAt }))).toBe('invalid-request');
});
