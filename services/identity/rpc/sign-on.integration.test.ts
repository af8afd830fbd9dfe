import { base32 } from '@better-auth/utils/base32';
import { createOTP } from '@better-auth/utils/otp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, problemOf } from '../test-identity.ts';
import { REDIRECT_URI, startTestSignOn, type TestSignOn } from './test-sign-on.ts';

let world: TestSignOn;

beforeAll(async () => {
  world = await startTestSignOn();
});

afterAll(() => world.stop());

let strangers = 0;
/** Somebody whom the provider knows, and identity does not yet. */
function stranger(more: Record<string, unknown> = {}): string {
  const sub = `stranger-${++strangers}`;
  world.one.people[sub] = { email: `${sub}@example.org`, email_verified: true, name: `Stranger ${strangers}`, ...more };
  return sub;
}

async function signOn(person: string, provider: 'one' | 'two' = 'one') {
  return (await world.identity.signOn.finishSignOn(await world.comeBack({ person, provider }))).result;
}

async function begin(person: string): Promise<{ user: string; session: string }> {
  const result = await signOn(person);
  if (result.case !== 'begun') throw new Error(`the sign-on ended as ${result.case}`);
  return result.value;
}

async function askToLink(email: string) {
  const result = await signOn(stranger({ email }));
  if (result.case !== 'link') throw new Error(`the sign-on ended as ${result.case}`);
  return result.value;
}

test('the browser is sent to the provider with PKCE, state and nonce', async () => {
  const { signOn: client } = world.identity;
  const first = new URL((await client.beginSignOn({ provider: 'one', redirectUri: REDIRECT_URI })).url);
  expect(first.origin).toBe(world.one.issuer);
  expect(Object.fromEntries(first.searchParams)).toEqual({
    client_id: world.one.clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'openid email profile',
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
  });
  const second = new URL((await client.beginSignOn({ provider: 'one', redirectUri: REDIRECT_URI })).url);
  for (const name of ['state', 'nonce', 'code_challenge']) expect(second.searchParams.get(name)).not.toBe(first.searchParams.get(name));
  expect(await problemOf(client.beginSignOn({ provider: 'three', redirectUri: REDIRECT_URI }))).toBe('not-found');
});

test('who signs on for the first time gets an account, and the same one from then on', async () => {
  const sub = stranger({ email: 'New.Person@Example.org', name: '  Ünï 🐦 ' });
  const first = await begin(sub);
  const { rows } = await world.identity.db.query(
    `SELECT email, "user".name, role, "emailVerified" AS verified, "providerId" AS issuer, "accountId" AS subject, password
     FROM "user" JOIN account ON "userId" = "user".id WHERE "user".id = $1`,
    [first.user],
  );
  expect(rows).toEqual([
    {
      email: 'new.person@example.org',
      name: 'Ünï 🐦',
      role: 'member',
      verified: true,
      issuer: world.one.issuer,
      subject: sub,
      password: null,
    },
  ]);
  // Whatever the provider says of the address now: it is known by its subject.
  world.one.people[sub] = { email: 'somebody.else@example.org', email_verified: false };
  expect((await begin(sub)).user).toBe(first.user);
});

test('two tabs of somebody new make one account', async () => {
  const sub = stranger();
  const tabs = [await world.comeBack({ person: sub }), await world.comeBack({ person: sub })];
  const results = await Promise.all(tabs.map(async (tab) => (await world.identity.signOn.finishSignOn(tab)).result));
  expect(results.map(({ case: kind }) => kind)).toEqual(['begun', 'begun']);
  const users = results.map((result) => (result.case === 'begun' ? result.value.user : undefined));
  expect(users[0]).toBe(users[1]);
});

test('a name that cannot be shown is replaced', async () => {
  const { user } = await begin(stranger({ email: 'plain@example.org', name: ' \n\u200b' }));
  expect((await world.identity.parts.accounts.describe(user))?.name).toBe('plain');
});

test('an account with the same email is linked when its password proves it, once', async () => {
  const account = await world.identity.makeAccount();
  const sub = stranger({ email: account.email.toUpperCase() });
  const result = await signOn(sub);
  expect(result).toMatchObject({ case: 'link', value: { email: account.email, provider: 'Provider one' } });
  const link = result.case === 'link' ? result.value.link : '';
  const { linkSignOn } = world.identity.signOn;
  expect(await problemOf(linkSignOn({ link, password: 'not this password' }))).toBe('wrong-credentials');
  expect((await signOn(sub)).case).toBe('link');
  expect((await linkSignOn({ link, password: PASSWORD })).result).toMatchObject({ case: 'begun', value: { user: account.user } });
  expect(await problemOf(linkSignOn({ link, password: PASSWORD }))).toBe('link-expired');
  expect((await begin(sub)).user).toBe(account.user);
  // The password is still there.
  expect((await world.identity.sessions.logIn({ email: account.email, password: PASSWORD })).result.case).toBe('begun');
});

test('a link waits ten minutes, and is nothing else', async () => {
  const account = await world.identity.makeAccount();
  const { link } = await askToLink(account.email);
  const { flow, callbackUrl } = await world.comeBack({ person: stranger() });
  const { linkSignOn, finishSignOn } = world.identity.signOn;
  expect(await problemOf(finishSignOn({ flow: link, callbackUrl }))).toBe('sign-on-refused');
  for (const other of ['', 'x', flow, `x${link}`])
    expect(await problemOf(linkSignOn({ link: other, password: PASSWORD }))).toBe('link-expired');
  world.clock.advance(10 * 60_000);
  expect(await problemOf(linkSignOn({ link, password: PASSWORD }))).toBe('link-expired');
});

test('guesses at the password of a link are throttled', async () => {
  const account = await world.identity.makeAccount();
  const { link } = await askToLink(account.email);
  const outcomes = new Set<string>();
  for (let attempt = 0; attempt < 40 && !outcomes.has('rate-limited'); attempt++)
    outcomes.add(await problemOf(world.identity.signOn.linkSignOn({ link, password: `guess number ${attempt}` })));
  expect([...outcomes]).toEqual(['wrong-credentials', 'rate-limited']);
});

test('an account without a password cannot be linked to another provider by its email', async () => {
  const sub = stranger();
  await begin(sub);
  world.two.people[sub] = { ...world.one.people[sub] };
  const back = await world.comeBack({ person: sub, provider: 'two' });
  expect(await problemOf(world.identity.signOn.finishSignOn(back))).toBe('sign-on-refused');
});

test('an account with a second factor is asked for it, signed on or linked', async () => {
  const { identity, clock } = world;
  const account = await identity.makeAccount();
  const { secret } = await identity.secondFactor.beginTotp({ password: PASSWORD }, await identity.behalf(account.session));
  const code = () => createOTP(Buffer.from(base32.decode(secret)).toString()).hotp(Math.floor(clock.now() / 30_000));
  await identity.secondFactor.confirmTotp({ code: await code() }, await identity.behalf(account.session));
  clock.advance(30_000);
  const sub = stranger({ email: account.email });
  const asked = await signOn(sub);
  const link = asked.case === 'link' ? asked.value.link : '';
  expect((await identity.signOn.linkSignOn({ link, password: PASSWORD })).result.case).toBe('secondFactor');
  const again = await signOn(sub);
  if (again.case !== 'secondFactor') throw new Error(`the sign-on ended as ${again.case}`);
  const { challenge } = again.value;
  expect((await identity.sessions.completeLogIn({ challenge, method: 'totp', code: await code() })).user).toBe(account.user);
});

test('a disabled user gets in by no provider', async () => {
  const [signedOn, local] = [stranger(), await world.identity.makeAccount()];
  const { user } = await begin(signedOn);
  await world.identity.db.query('UPDATE "user" SET disabled = true WHERE id = ANY($1)', [[user, local.user]]);
  expect(await problemOf(signOn(signedOn))).toBe('sign-on-refused');
  expect(await problemOf(signOn(stranger({ email: local.email })))).toBe('sign-on-refused');
});

test('a person who changes their mind at the provider is told so', async () => {
  const { flow, callbackUrl } = await world.comeBack({ person: stranger() });
  const refusal = new URL(callbackUrl);
  refusal.searchParams.delete('code');
  refusal.searchParams.set('error', 'access_denied');
  expect(await problemOf(world.identity.signOn.finishSignOn({ flow, callbackUrl: refusal.href }))).toBe('sign-on-refused');
});

test('a provider that is away is away, and nobody is refused', async () => {
  const { two, identity, clock } = world;
  two.people['late'] = { email: 'late@example.org', email_verified: true };
  const back = await world.comeBack({ person: 'late', provider: 'two' });
  await two.close();
  expect(await problemOf(identity.signOn.finishSignOn(back))).toBe('unavailable');
  // What it said of itself is not kept for ever.
  clock.advance(3_600_000);
  expect(await problemOf(identity.signOn.beginSignOn({ provider: 'two', redirectUri: REDIRECT_URI }))).toBe('unavailable');
});
