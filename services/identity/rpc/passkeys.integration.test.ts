import { FakeClock } from '@starling/testing/clock';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientAt, PASSWORD, problemOf, startTestIdentity, type TestAccount, type TestIdentity } from '../test-identity.ts';
import { type Circumstances, TestAuthenticator } from './test-authenticator.ts';

const origin = 'https://chat.example.org';
const clock = new FakeClock(Date.now());
let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
});

afterAll(() => identity.stop());

async function begin(account: TestAccount, page = origin) {
  return identity.passkeys.beginPasskey({ password: PASSWORD, origin: page }, await identity.behalf(account.session));
}

async function add(account: TestAccount, authenticator = new TestAuthenticator(), circumstances: Partial<Circumstances> = {}) {
  const { id, options } = await begin(account);
  const response = authenticator.create(options, { origin, ...circumstances });
  await identity.passkeys.addPasskey({ challenge: id, response, name: 'The laptop' }, await identity.behalf(account.session));
  return authenticator;
}

async function logIn(authenticator: TestAuthenticator, circumstances: Partial<Circumstances> = {}) {
  const { id, options } = await identity.passkeys.beginPasskeyLogIn({ origin });
  return identity.passkeys.passkeyLogIn({ challenge: id, response: authenticator.get(options, { origin, ...circumstances }) });
}

test('a passkey logs in without name or password', async () => {
  const account = await identity.makeAccount();
  const authenticator = await add(account);
  const begun = await logIn(authenticator);
  expect(begun.user).toBe(account.user);
  expect((await identity.sessions.mintToken({ session: begun.session })).user).toBe(account.user);
  expect((await logIn(authenticator)).session).not.toBe(begun.session);
});

test('the browser is asked for a passkey that it finds by itself and that its person unlocks', async () => {
  const account = await identity.makeAccount();
  await add(account);
  const creation = JSON.parse((await begin(account)).options);
  expect(creation).toMatchObject({
    rp: { id: 'chat.example.org' },
    user: { id: Buffer.from(account.user).toString('base64url'), name: account.email },
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    attestation: 'none',
  });
  expect(creation.excludeCredentials).toHaveLength(1);
  const request = JSON.parse((await identity.passkeys.beginPasskeyLogIn({ origin })).options);
  expect(request).toMatchObject({ rpId: 'chat.example.org', userVerification: 'required' });
  expect(request.allowCredentials ?? []).toEqual([]);
});

const WRONG: Record<string, Partial<Circumstances>> = {
  'another origin': { origin: 'https://chat.example.org.evil.example' },
  'a sibling': { origin: 'https://www.chat.example.org' },
  'another port': { origin: 'https://chat.example.org:8443' },
  'no TLS': { origin: 'http://chat.example.org' },
  'a page within another': { framed: true },
  "another host's passkey": { host: 'evil.example' },
  'a person who was not verified': { userVerified: false },
  'another challenge': { challenge: Buffer.from('of another log-in').toString('base64url') },
};

test.each(Object.entries(WRONG))('an answer of %s neither adds a passkey nor logs in', async (_name, circumstances) => {
  const account = await identity.makeAccount();
  expect(await problemOf(add(account, new TestAuthenticator(), circumstances))).toBe('passkey-refused');
  const authenticator = await add(account);
  expect(await problemOf(logIn(authenticator, circumstances))).toBe('passkey-refused');
});

test('the passkey of one user does not log in as another', async () => {
  const [ann, bob] = [await identity.makeAccount(), await identity.makeAccount()];
  const authenticator = await add(ann);
  expect(await problemOf(logIn(authenticator, { userHandle: Buffer.from(bob.user).toString('base64url') }))).toBe('passkey-refused');
  const { id, options } = await begin(ann);
  const stolen = new TestAuthenticator().create(options, { origin });
  expect(
    await problemOf(identity.passkeys.addPasskey({ challenge: id, response: stolen, name: 'x' }, await identity.behalf(bob.session))),
  ).toBe('passkey-refused');
  // What was meant for Ann is still hers.
  await identity.passkeys.addPasskey({ challenge: id, response: stolen, name: 'x' }, await identity.behalf(ann.session));
});

test('a count that does not grow, as of a copy, is refused; passkeys that never count are not', async () => {
  const account = await identity.makeAccount();
  const authenticator = await add(account);
  await logIn(authenticator, { counter: 10 });
  expect(await problemOf(logIn(authenticator, { counter: 10 }))).toBe('passkey-refused');
  expect(await problemOf(logIn(authenticator, { counter: 3 }))).toBe('passkey-refused');
  expect(await problemOf(logIn(authenticator, { counter: 0 }))).toBe('passkey-refused');
  expect((await logIn(authenticator, { counter: 11 })).user).toBe(account.user);
  const uncounted = await add(account, new TestAuthenticator(), { counter: 0 });
  await logIn(uncounted, { counter: 0 });
  expect((await logIn(uncounted, { counter: 0 })).user).toBe(account.user);
});

test('a challenge is answered once, in time, and for what it was made', async () => {
  const account = await identity.makeAccount();
  const authenticator = await add(account);
  const { id, options } = await identity.passkeys.beginPasskeyLogIn({ origin });
  const response = authenticator.get(options, { origin });
  await identity.passkeys.passkeyLogIn({ challenge: id, response });
  expect(await problemOf(identity.passkeys.passkeyLogIn({ challenge: id, response }))).toBe('passkey-refused');

  const late = await identity.passkeys.beginPasskeyLogIn({ origin });
  clock.advance(5 * 60_000);
  const answer = authenticator.get(late.options, { origin });
  expect(await problemOf(identity.passkeys.passkeyLogIn({ challenge: late.id, response: answer }))).toBe('passkey-refused');

  const adding = await begin(account);
  const misused = authenticator.get(JSON.stringify({ ...JSON.parse(adding.options), rpId: 'chat.example.org' }), { origin });
  expect(await problemOf(identity.passkeys.passkeyLogIn({ challenge: adding.id, response: misused }))).toBe('passkey-refused');
});

test('of two answers at once to one challenge, one logs in', async () => {
  const account = await identity.makeAccount();
  const authenticator = await add(account);
  const { id, options } = await identity.passkeys.beginPasskeyLogIn({ origin });
  const responses = [1, 2, 3].map(() => authenticator.get(options, { origin }));
  const outcomes = await Promise.all(
    responses.map((response) =>
      identity.passkeys.passkeyLogIn({ challenge: id, response }).then(
        () => 'in',
        () => 'refused',
      ),
    ),
  );
  expect(outcomes.sort()).toEqual(['in', 'refused', 'refused']);
});

test('a passkey is one account’s', async () => {
  const [ann, bob] = [await identity.makeAccount(), await identity.makeAccount()];
  const authenticator = await add(ann);
  expect(await problemOf(add(bob, authenticator))).toBe('passkey-refused');
  expect((await identity.passkeys.listPasskeys({}, await identity.behalf(bob.session))).passkeys).toEqual([]);
});

test('a disabled user does not get in', async () => {
  const account = await identity.makeAccount();
  const authenticator = await add(account);
  await identity.db.query('UPDATE "user" SET disabled = true WHERE id = $1', [account.user]);
  expect(await problemOf(logIn(authenticator))).toBe('passkey-refused');
});

test('passkeys are listed with their names, and removed by their owner alone', async () => {
  const [ann, bob] = [await identity.makeAccount(), await identity.makeAccount()];
  const authenticator = await add(ann);
  const { passkeys } = await identity.passkeys.listPasskeys({}, await identity.behalf(ann.session));
  expect(passkeys).toMatchObject([{ name: 'The laptop', createdAt: clock.now() }]);
  const id = passkeys[0]?.id as string;
  expect(await problemOf(identity.passkeys.removePasskey({ id }, await identity.behalf(bob.session)))).toBe('not-found');
  await identity.passkeys.removePasskey({ id }, await identity.behalf(ann.session));
  expect(await problemOf(identity.passkeys.removePasskey({ id }, await identity.behalf(ann.session)))).toBe('not-found');
  expect(await problemOf(logIn(authenticator))).toBe('passkey-refused');
});

test('adding takes the password, a page as browsers write it, and a name', async () => {
  const account = await identity.makeAccount();
  const user = await identity.behalf(account.session);
  expect(await problemOf(identity.passkeys.beginPasskey({ password: 'not this password', origin }, user))).toBe('wrong-credentials');
  for (const page of ['', 'chat.example.org', `${origin}/`, 'https://CHAT.example.org', 'null', 'data:,x'])
    expect(await problemOf(begin(account, page))).toBe('invalid-request');
  const { id, options } = await begin(account);
  const response = new TestAuthenticator().create(options, { origin });
  for (const name of ['', ' \n', 'x'.repeat(81)])
    expect(await problemOf(identity.passkeys.addPasskey({ challenge: id, response, name }, user))).toBe('invalid-request');
});

test('texts that are no answers are refused', async () => {
  const account = await identity.makeAccount();
  const user = await identity.behalf(account.session);
  const texts = ['', '{', 'null', '[]', '{}', '{"id":7}', '{"id":"a\\u0000b","response":{}}', '{"id":"AAAA","response":null}'];
  for (const response of texts) {
    const { id } = await identity.passkeys.beginPasskeyLogIn({ origin });
    expect(await problemOf(identity.passkeys.passkeyLogIn({ challenge: id, response }))).toBe('passkey-refused');
    const adding = await begin(account);
    expect(await problemOf(identity.passkeys.addPasskey({ challenge: adding.id, response, name: 'x' }, user))).toBe('passkey-refused');
  }
  for (const challenge of ['', 'x', crypto.randomUUID()])
    expect(await problemOf(identity.passkeys.passkeyLogIn({ challenge, response: '{}' }))).toBe('passkey-refused');
});

test('one address begins thirty log-ins, and then one in two seconds', async () => {
  const from = (address: string) => problemOf(identity.passkeys.beginPasskeyLogIn({ origin, client: clientAt(address) }));
  const answers = await Promise.all(Array.from({ length: 32 }, () => from('198.51.100.7')));
  expect(answers.filter((answer) => answer === 'rate-limited')).toHaveLength(2);
  expect(await from('198.51.100.8')).toContain('no refusal');
  clock.advance(2_000);
  expect(await from('198.51.100.7')).toContain('no refusal');
  expect(await from('198.51.100.7')).toBe('rate-limited');
});

test('ten thousand log-ins wait at most, keep nobody from adding a passkey, and are cleared away by those that come', async () => {
  const account = await identity.makeAccount();
  await identity.db.query(
    `INSERT INTO passkey_challenge (challenge, origin, expires_at)
     SELECT 'flood', $1, to_timestamp($2::float8 / 1000) FROM generate_series(1, 10000)`,
    [origin, clock.now() + 60_000],
  );
  expect(await problemOf(identity.passkeys.beginPasskeyLogIn({ origin }))).toBe('rate-limited');
  await add(account);
  clock.advance(60_000);
  const kept = async () => (await identity.db.query('SELECT FROM passkey_challenge')).rowCount ?? 0;
  const before = await kept();
  await identity.passkeys.beginPasskeyLogIn({ origin });
  expect(await kept()).toBe(before - 10 + 1);
});
