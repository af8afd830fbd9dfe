import { FakeClock } from '@starling/testing/clock';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClientContext } from '../domain/client-context.ts';
import { createParts, type Parts } from '../parts.ts';
import { clientAt, PASSWORD, problemOf, startTestIdentity, type TestIdentity } from '../test-identity.ts';

let identity: TestIdentity;
const clock = new FakeClock(Date.now());
const never = new AbortController().signal;

beforeAll(async () => {
  identity = await startTestIdentity();
});

afterAll(() => identity.stop());

/** Another process of the service on the same database, at a clock of the test's. */
function another(): Parts {
  return createParts({ ...identity.world.platform('identity'), clock, secret: identity.config.secret, stated: () => {} });
}

function guess(email: string, client: ClientContext | undefined, password = 'not this password') {
  return identity.sessions.logIn({ email, password, ...(client && { client }) });
}

/** How often each answer came. */
async function count(answers: Promise<string>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of await Promise.all(answers)) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

/** Makes so many guesses, 40 at a time, and counts the answers. */
async function flood(guesses: number, guessAt: (index: number) => Promise<unknown>): Promise<Record<string, number>> {
  let begun = 0;
  const counts: Record<string, number> = {};
  async function guessOn(): Promise<void> {
    while (begun < guesses) {
      const answer = await problemOf(guessAt(begun++));
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
  }
  await Promise.all(Array.from({ length: 40 }, guessOn));
  return counts;
}

test('1,000 wrong passwords from many addresses against an account keep out strangers, and not its owner at a known device', async () => {
  const address = '192.0.2.1';
  const account = await identity.makeAccount({ client: clientAt(address) });
  const owner = clientAt(address, { device: account.device });
  const [answers, { result }] = await Promise.all([
    flood(1000, (index) => guess(account.email, clientAt(`198.51.100.${index % 250}`))),
    guess(account.email, owner, PASSWORD),
  ]);
  expect(result.case).toBe('begun');
  expect(answers['wrong-credentials']).toBeLessThanOrEqual(21);
  expect((answers['rate-limited'] ?? 0) + (answers['wrong-credentials'] ?? 0)).toBe(1000);
  // That the owner was there changes nothing for the others: not even the right password is tried for a stranger now.
  expect(await problemOf(guess(account.email, clientAt('203.0.113.77'), PASSWORD))).toBe('rate-limited');
  expect((await guess(account.email, owner, PASSWORD)).result.case).toBe('begun');
});

test('one address that guesses at an account uses up only what it has itself there', async () => {
  const account = await identity.makeAccount();
  const answers = await count(Array.from({ length: 50 }, () => problemOf(guess(account.email, clientAt('192.0.2.50')))));
  expect(answers).toEqual({ 'wrong-credentials': 5, 'rate-limited': 45 });
  expect((await guess(account.email, clientAt('192.0.2.51'), PASSWORD)).result.case).toBe('begun');
});

test('one wrong password each against 1,000 accounts from one address is throttled, whether the accounts exist or not', async () => {
  const made = [];
  for (let index = 0; index < 20; index++) made.push(await identity.makeAccount());
  const emails = [...made.map(({ email }) => email), ...Array.from({ length: 980 }, (_, index) => `spray-${index}@example.org`)];
  const answers = await flood(1000, (index) => guess(emails[index] as string, clientAt('192.0.2.99')));
  expect(answers['wrong-credentials']).toBeLessThanOrEqual(31);
  expect(answers['rate-limited']).toBeGreaterThanOrEqual(969);
  expect((await guess(made[0]?.email as string, clientAt('192.0.2.100'), PASSWORD)).result.case).toBe('begun');
});

test('an account that does not exist is throttled like one that does, also where the address is not known', async () => {
  const account = await identity.makeAccount();
  async function answersFor(email: string, client: ClientContext | undefined): Promise<string[]> {
    const answers: string[] = [];
    for (let attempt = 0; attempt < 22; attempt++) answers.push(await problemOf(guess(email, client)));
    return answers;
  }
  const clients = [clientAt('192.0.2.20'), undefined];
  for (const client of clients) expect(await answersFor('nobody@example.org', client)).toEqual(await answersFor(account.email, client));
});

test('a refusal says when to come back, and then one guess is free again', async () => {
  const account = await identity.makeAccount();
  const parts = another();
  const client = clientAt('192.0.2.30');
  const attempt = (password: string) => parts.accounts.checkCredentials({ email: account.email, password }, client, never);
  for (let index = 0; index < 5; index++) expect(await problemOf(attempt('not this password'))).toBe('wrong-credentials');
  await expect(attempt(PASSWORD)).rejects.toMatchObject({
    metadata: new Headers({ 'retry-after': '120', 'starling-problem': 'rate-limited' }),
  });
  clock.advance(120_000);
  expect((await attempt(PASSWORD)).id).toBe(account.user);
});

test('what was guessed counts in another process, and after a restart', async () => {
  const account = await identity.makeAccount();
  const client = clientAt('192.0.2.40');
  const attempt = (parts: Parts, password: string) => parts.accounts.checkCredentials({ email: account.email, password }, client, never);
  const processes = [another(), another()] as const;
  const answers = await count(
    Array.from({ length: 10 }, (_, index) => problemOf(attempt(processes[index % 2] as Parts, 'not this password'))),
  );
  expect(answers).toEqual({ 'wrong-credentials': 5, 'rate-limited': 5 });
  expect(await problemOf(attempt(another(), PASSWORD))).toBe('rate-limited');
});

test('logging in does not fill up what wrong passwords have emptied', async () => {
  const [account, own] = [await identity.makeAccount(), await identity.makeAccount()];
  const client = clientAt('192.0.2.60');
  for (let index = 0; index < 5; index++) {
    expect(await problemOf(guess(account.email, client))).toBe('wrong-credentials');
    // The attacker's own account, from the same address.
    expect((await guess(own.email, client, PASSWORD)).result.case).toBe('begun');
  }
  expect(await problemOf(guess(account.email, client))).toBe('rate-limited');
  // Of the 30 of the address 5 are gone.
  const answers: string[] = [];
  for (let index = 0; index < 32; index++) {
    answers.push(await problemOf(guess(`own-${index}@example.org`, client)));
    if (index % 6 === 0 && index < 24) await identity.sessions.logIn({ email: own.email, password: PASSWORD, client });
  }
  expect(answers.slice(0, 25)).toEqual(Array.from({ length: 25 }, () => 'wrong-credentials'));
  expect(answers).toContain('rate-limited');
});

test('a device is known to the account that it logged in to, and to no other', async () => {
  const [account, own] = [await identity.makeAccount(), await identity.makeAccount()];
  const attacker = clientAt('192.0.2.70', { device: own.device });
  for (let index = 0; index < 5; index++) expect(await problemOf(guess(account.email, attacker))).toBe('wrong-credentials');
  expect(await problemOf(guess(account.email, attacker, PASSWORD))).toBe('rate-limited');
  // One that came with another account's secret is given a new one.
  const { result } = await guess(account.email, clientAt('192.0.2.71', { device: own.device }), PASSWORD);
  expect(result.case === 'begun' && result.value.device).not.toBe(own.device);
  const known = clientAt('192.0.2.71', { device: account.device });
  const again = (await guess(account.email, known, PASSWORD)).result;
  expect(again.case === 'begun' && again.value.device).toBe(account.device);
});

test('a known device has tries of its own, and they end too', async () => {
  const account = await identity.makeAccount();
  const client = clientAt('192.0.2.80', { device: account.device });
  const answers = await count(Array.from({ length: 30 }, () => problemOf(guess(account.email, client))));
  expect(answers).toEqual({ 'wrong-credentials': 10, 'rate-limited': 20 });
});

test('who is logged in has tries of their own at the password, whatever strangers do, and they end too', async () => {
  const account = await identity.makeAccount();
  const { accounts } = identity.parts;
  await count(Array.from({ length: 30 }, () => problemOf(guess(account.email, undefined))));
  await accounts.confirmPassword(account.user, PASSWORD, undefined, never);
  const thief = clientAt('192.0.2.90');
  for (let index = 0; index < 10; index++)
    expect(await problemOf(accounts.confirmPassword(account.user, 'not this password', thief, never))).toBe('wrong-credentials');
  expect(await problemOf(accounts.confirmPassword(account.user, PASSWORD, thief, never))).toBe('rate-limited');
  await accounts.confirmPassword(account.user, PASSWORD, clientAt('192.0.2.90', { device: account.device }), never);
});

test('an unknown account is refused no sooner than a wrong password', async () => {
  const account = await identity.makeAccount();
  async function time(email: string, address: string): Promise<number> {
    const begun = performance.now();
    expect(await problemOf(guess(email, clientAt(address)))).toBe('wrong-credentials');
    return performance.now() - begun;
  }
  // By turns, and the least of each: whatever else the machine does meanwhile does not count.
  const [wrong, unknown]: [number[], number[]] = [[], []];
  for (let attempt = 0; attempt < 12; attempt++) {
    wrong.push(await time(account.email, `192.0.2.${200 + attempt}`));
    unknown.push(await time('nobody-either@example.org', `192.0.2.${200 + attempt}`));
  }
  const ratio = Math.min(...unknown) / Math.min(...wrong);
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(2);
});

test('a flood of log-ins at as many accounts is bounded and holds up nothing else', async () => {
  const account = await identity.makeAccount();
  let hashed = 0;
  const answers = Array.from({ length: 250 }, (_, index) =>
    problemOf(guess(`flood-${index}@example.org`, undefined)).then((problem) => {
      if (problem === 'wrong-credentials') hashed++;
      return problem;
    }),
  );
  await identity.sessions.mintToken({ session: account.session });
  const known = await guess(account.email, clientAt('', { device: account.device }), PASSWORD);
  expect(known.result.case).toBe('begun');
  expect(hashed).toBeLessThan(90);
  expect((await count(answers))['rate-limited']).toBeGreaterThan(0);
});

test('a device secret that is made up is told from a genuine one, and a genuine one is no session', async () => {
  const { device } = await identity.makeAccount();
  const { devices } = identity.parts;
  expect(devices.hash(device)).toBeInstanceOf(Buffer);
  const flipped = (device[0] === 'A' ? 'B' : 'A') + device.slice(1);
  for (const other of [flipped, device.slice(0, -1), `${device}A`, 'A'.repeat(86), '']) expect(devices.hash(other)).toBeUndefined();
  expect(await problemOf(identity.sessions.mintToken({ session: device }))).toBe('unauthenticated');
});

test('no address and no account can be read from the buckets', async () => {
  await problemOf(guess('read@example.org', clientAt('192.0.2.66')));
  const { rows } = await identity.db.query(`SELECT encode(key, 'escape') AS key FROM throttle`);
  expect(rows.length).toBeGreaterThan(0);
  for (const { key } of rows) expect(key).not.toMatch(/192\.0|example/);
});
