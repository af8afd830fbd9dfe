import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientAt, PASSWORD, problemOf, startTestIdentity, type TestIdentity } from '../test-identity.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});

afterAll(() => identity.stop());

function logIn(account: { email: string; password?: string }) {
  return identity.sessions.logIn({ email: account.email, password: account.password ?? PASSWORD });
}

async function begin(account: { email: string }): Promise<{ session: string; user: string; device: string }> {
  const { result } = await logIn(account);
  if (result.case !== 'begun') throw new Error(`the log-in ended as ${result.case}`);
  return result.value;
}

const expiryOf = async (id: string) =>
  ((await identity.db.query('SELECT "expiresAt" AS expiry FROM session WHERE id = $1', [id])).rows[0].expiry.getTime() - Date.now()) /
  86_400_000;

test('a log-in becomes a token of the user with the role, for a session whose secret is stored nowhere', async () => {
  const account = await identity.makeAccount({ email: 'mixed.case@example.org', role: 'guest' });
  const begun = await begin({ email: 'MIXED.case@Example.ORG' });
  expect(begun.user).toBe(account.user);
  const minted = await identity.sessions.mintToken({ session: begun.session });
  expect(minted.user).toBe(account.user);
  const verified = await identity.world.platform('web').gate.verifyUserToken(minted.token);
  expect(verified).toMatchObject({ user: account.user, role: 'guest', scope: 'api', expiresAt: minted.expiresAt });
  const { rows } = await identity.db.query(
    `SELECT "user"::text || coalesce(session::text, '') || coalesce(account::text, '') || coalesce(device::text, '') AS row
     FROM "user" LEFT JOIN session ON session."userId" = "user".id LEFT JOIN account ON account."userId" = "user".id
     LEFT JOIN device ON device.user_id = "user".id`,
  );
  const stored = rows.map(({ row }) => row).join('');
  expect(stored).toContain(verified.session);
  for (const secret of [begun.session, begun.device, PASSWORD]) {
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(Buffer.from(secret).toString('hex'));
  }
  expect(stored).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
});

test('no session secret can be stored as it is', async () => {
  const { user } = await identity.makeAccount();
  await expect(
    identity.db.query(`INSERT INTO session (token, "userId", "expiresAt") VALUES ('${'a'.repeat(32)}', $1, now())`, [user]),
  ).rejects.toThrow('session_token_hashed');
});

test('a token for a socket opens sockets only, for one Origin', async () => {
  const { session } = await identity.makeAccount();
  const { token } = await identity.sessions.mintToken({ session, socket: true, origin: 'https://chat.example.org' });
  const verified = await identity.world.platform('user').gate.verifyUserToken(token);
  expect(verified).toMatchObject({ scope: 'socket', origin: 'https://chat.example.org' });
});

test('a wrong password, an unknown account and a disabled one have the same answer', async () => {
  const [account, disabled] = [await identity.makeAccount(), await identity.makeAccount()];
  await identity.db.query('UPDATE "user" SET disabled = true WHERE id = $1', [disabled.user]);
  const answers = [
    logIn({ ...account, password: 'not this password' }),
    logIn({ email: 'nobody@example.org' }),
    logIn(disabled),
    identity.sessions.issueToken({ email: account.email, password: 'not this password' }),
    identity.sessions.issueToken({ email: disabled.email, password: PASSWORD }),
  ];
  expect(new Set(await Promise.all(answers.map(problemOf)))).toEqual(new Set(['wrong-credentials']));
  // Whatever has become of the sessions.
  expect(await problemOf(identity.sessions.mintToken({ session: disabled.session }))).toBe('unauthenticated');
});

test('a session that has ended mints nothing, and ending it again is no error', async () => {
  const { session } = await identity.makeAccount();
  await identity.sessions.logOut({ session });
  await identity.sessions.logOut({ session });
  for (const other of [session, '', 'x', 'a'.repeat(32), `${session}.x`, '%00'])
    expect(await problemOf(identity.sessions.mintToken({ session: other }))).toBe('unauthenticated');
});

test('a session lives 30 days from its last use', async () => {
  const { session } = await identity.makeAccount();
  const [live] = [await identity.parts.sessions.find(session)];
  const id = live?.id as string;
  expect(await expiryOf(id)).toBeCloseTo(30, 2);
  const age = (interval: string) =>
    identity.db.query(`UPDATE session SET "expiresAt" = "expiresAt" - $2::interval WHERE id = $1`, [id, interval]);
  await age('29 days');
  await identity.sessions.mintToken({ session });
  expect(await expiryOf(id)).toBeCloseTo(30, 2);
  await age('31 days');
  expect(await problemOf(identity.sessions.mintToken({ session }))).toBe('unauthenticated');
});

test('a user sees the own sessions with device and last use, and no secret, and ends one of them', async () => {
  const account = await identity.makeAccount({ client: clientAt('203.0.113.7', { userAgent: 'a telephone' }) });
  const [other, stranger] = [await begin(account), await identity.makeAccount()];
  const behalf = await identity.behalf(account.session);
  const { sessions } = await identity.sessions.listSessions({}, behalf);
  expect(sessions).toHaveLength(2);
  const current = sessions.find((each) => each.current);
  expect(current).toMatchObject({ userAgent: 'a telephone', address: '203.0.113.7' });
  expect(Math.abs((current?.lastUsedAt ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(JSON.stringify(sessions)).not.toContain(account.session);
  const last = sessions.find((each) => !each.current)?.id ?? '';
  expect(await problemOf(identity.sessions.endSession({ id: last }, await identity.behalf(stranger.session)))).toBe('not-found');
  expect((await identity.sessions.mintToken({ session: other.session })).user).toBe(account.user);
  await identity.sessions.endSession({ id: last }, behalf);
  expect(await problemOf(identity.sessions.mintToken({ session: other.session }))).toBe('unauthenticated');
  for (const id of [last, 'no id', '']) expect(await problemOf(identity.sessions.endSession({ id }, behalf))).toBe('not-found');
});

test('ending all sessions ends those of programs too, and leaves the current one if asked', async () => {
  const account = await identity.makeAccount();
  const issued = await identity.sessions.issueToken({ email: account.email, password: PASSWORD });
  const other = await begin(account);
  await identity.sessions.endAllSessions({ keepCurrent: true }, await identity.behalf(account.session));
  expect(await problemOf(identity.sessions.mintToken({ session: other.session }))).toBe('unauthenticated');
  expect(await problemOf(identity.sessions.refreshToken({ refreshToken: issued.refreshToken }))).toBe('unauthenticated');
  await identity.sessions.endAllSessions({}, await identity.behalf(account.session));
  expect(await problemOf(identity.sessions.mintToken({ session: account.session }))).toBe('unauthenticated');
});

test('only web may ask as itself, and a service without a user token speaks for nobody', async () => {
  const { session, email } = await identity.makeAccount();
  const { sessions } = identity.as('user');
  const calls = [
    () => sessions.logIn({ email, password: PASSWORD }),
    () => sessions.completeLogIn({}),
    () => sessions.logOut({ session }),
    () => sessions.mintToken({ session }),
    () => sessions.issueToken({ email, password: PASSWORD }),
    () => sessions.refreshToken({}),
    () => sessions.revokeRefreshToken({}),
    () => identity.sessions.listSessions({}),
    () => identity.sessions.endSession({}),
    () => identity.sessions.endAllSessions({}),
  ];
  for (const call of calls) await expect(call()).rejects.toThrow(/the tokens of this call are not valid|this caller may not/);
  expect((await identity.sessions.mintToken({ session })).user).toBeDefined();
});

test('a bot has no sessions to look after', async () => {
  const { session } = await identity.makeAccount({ role: 'bot' });
  expect(await problemOf(identity.sessions.listSessions({}, await identity.behalf(session)))).toBe('forbidden');
});

test('a user who is disabled while a log-in is under way gets no session that lives on', async () => {
  const account = await identity.makeAccount();
  const tx = await identity.db.connect();
  try {
    await tx.query('BEGIN');
    await tx.query('UPDATE "user" SET disabled = true WHERE id = $1', [account.user]);
    const waiting = problemOf(logIn(account));
    const blocked = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FOR SHARE'`;
    await waitFor(async () => (await identity.db.query(blocked)).rowCount === 1, { describe: 'a log-in that waits for the user' });
    await tx.query('DELETE FROM session WHERE "userId" = $1', [account.user]);
    await tx.query('COMMIT');
    expect(await waiting).toBe('wrong-credentials');
  } finally {
    tx.release();
  }
  const { rows } = await identity.db.query('SELECT FROM session WHERE "userId" = $1', [account.user]);
  expect(rows).toHaveLength(0);
});

test('neither passwords nor addresses nor secrets are logged', async () => {
  const account = await identity.makeAccount();
  const begun = await begin(account);
  await problemOf(logIn({ ...account, password: 'not this password' }));
  const issued = await identity.sessions.issueToken({ email: account.email, password: PASSWORD });
  await identity.sessions.revokeRefreshToken({ refreshToken: issued.refreshToken });
  // Everything that the tests above provoked is there too.
  const text = identity.world.logLines.join('').toLowerCase();
  for (const secret of [PASSWORD, 'not this password', 'example.org', begun.session, begun.device, issued.refreshToken, issued.token])
    expect(text).not.toContain(secret.toLowerCase());
});
