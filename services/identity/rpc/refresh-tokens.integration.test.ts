import { randomUUID } from 'node:crypto';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deriveKey } from '../domain/keys.ts';
import { encodeRefreshToken } from '../domain/refresh-token.ts';
import { PASSWORD, problemOf, startTestIdentity, type TestIdentity } from '../test-identity.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});

afterAll(() => identity.stop());

async function issue() {
  const account = await identity.makeAccount();
  const issued = await identity.sessions.issueToken({ email: account.email, password: PASSWORD });
  return { ...issued, account, id: issued.refreshToken.split('.')[0] as string };
}

const refresh = (refreshToken: string) => identity.sessions.refreshToken({ refreshToken });
const passGrace = (id: string) =>
  identity.db.query(`UPDATE session SET "refreshRotatedAt" = "refreshRotatedAt" - interval '11 seconds' WHERE id = $1`, [id]);
const lives = async (id: string) => (await identity.db.query('SELECT FROM session WHERE id = $1', [id])).rowCount === 1;

test('a token for a program is for API and socket, and comes with a refresh token of the same session', async () => {
  const issued = await issue();
  const { gate } = identity.world.platform('user');
  expect(await gate.verifyUserToken(issued.token)).toMatchObject({ user: issued.user, scope: 'api socket', session: issued.id });
  expect((issued.refreshExpiresAt - Date.now()) / 86_400_000).toBeCloseTo(30, 2);
  const next = await refresh(issued.refreshToken);
  expect(next.refreshToken).not.toBe(issued.refreshToken);
  expect(await gate.verifyUserToken(next.token)).toMatchObject({ user: issued.user, session: issued.id });
  expect((await refresh(next.refreshToken)).user).toBe(issued.user);
});

test('nothing that is stored makes a refresh token', async () => {
  const { id, refreshToken } = await issue();
  const { rows } = await identity.db.query('SELECT session::text AS row, "refreshSeed" AS seed FROM session WHERE id = $1', [id]);
  expect(rows[0].row).not.toContain(refreshToken.split('.')[2]);
  const { seed } = rows[0];
  for (const secret of ['', 'another secret', identity.config.secret])
    for (const key of [Buffer.from(secret), deriveKey(secret, 'another purpose')])
      expect(await problemOf(refresh(encodeRefreshToken(key, { session: id, generation: 1 }, seed)))).toBe('unauthenticated');
  expect((await refresh(refreshToken)).user).toBeDefined();
});

test('several at once with the same token get one successor', async () => {
  const { refreshToken } = await issue();
  const successors = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));
  const tokens = new Set(successors.map((each) => each.refreshToken));
  expect(tokens.size).toBe(1);
  expect(tokens).not.toContain(refreshToken);
  expect((await refresh([...tokens][0] as string)).refreshToken).not.toBe(refreshToken);
});

test('a token that has to wait is judged by what is the newest then', async () => {
  const { id, refreshToken } = await issue();
  const tx = await identity.db.connect();
  try {
    await tx.query('BEGIN');
    await tx.query('UPDATE session SET "refreshGeneration" = 3 WHERE id = $1', [id]);
    const waiting = problemOf(refresh(refreshToken));
    const blocked = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%"refreshGeneration"%'`;
    await waitFor(async () => (await identity.db.query(blocked)).rowCount === 1, { describe: 'a refresh that waits' });
    await tx.query('COMMIT');
    expect(await waiting).toBe('unauthenticated');
  } finally {
    tx.release();
  }
  expect(await lives(id)).toBe(false);
});

test('the predecessor gets the same successor for 10 s; after that it ends its session and no other', async () => {
  const { account, id, refreshToken } = await issue();
  const other = await identity.sessions.issueToken({ email: account.email, password: PASSWORD });
  const next = await refresh(refreshToken);
  expect((await refresh(refreshToken)).refreshToken).toBe(next.refreshToken);
  await passGrace(id);
  expect(await problemOf(refresh(refreshToken))).toBe('unauthenticated');
  expect(await lives(id)).toBe(false);
  // Whoever has the newest has nothing any more; the account's other sessions go on.
  expect(await problemOf(refresh(next.refreshToken))).toBe('unauthenticated');
  expect((await refresh(other.refreshToken)).user).toBe(account.user);
  expect((await identity.sessions.mintToken({ session: account.session })).user).toBe(account.user);
  const { rows } = await identity.db.query(`SELECT FROM outbox WHERE key = $1 AND headers->>'kind' = 'session.revoked'`, [account.user]);
  expect(rows).toHaveLength(1);
  expect(identity.world.logLines.join('')).toContain('a refresh token came that was replaced before');
  // Whoever reads it can tell which device it was.
  expect(identity.world.logLines.join('')).toMatch(/"sid":"[0-9a-f-]{36}"/);
});

test('a token two generations old ends its session within the grace too', async () => {
  const { id, refreshToken } = await issue();
  const second = await refresh(refreshToken);
  await refresh(second.refreshToken);
  expect(await problemOf(refresh(refreshToken))).toBe('unauthenticated');
  expect(await lives(id)).toBe(false);
});

test('a forged token is refused and changes nothing', async () => {
  const [{ id, refreshToken }, stranger] = [await issue(), await issue()];
  const [session, generation, mac] = refreshToken.split('.') as [string, string, string];
  const flipped = (mac[0] === 'A' ? 'B' : 'A') + mac.slice(1);
  const forged = [
    `${session}.${generation}.${flipped}`,
    `${session}.2.${mac}`,
    `${stranger.id}.${generation}.${mac}`,
    `${randomUUID()}.${generation}.${mac}`,
    `${session}.0${generation}.${mac}`,
    `${session}.${generation}.${mac}.`,
    `${session}.${generation}`,
    `${session.toUpperCase()}.${generation}.${mac}`,
    `${session}.99999999999999999999.${mac}`,
    '',
    'a.b.c',
    stranger.token,
  ];
  await passGrace(id);
  for (const each of forged) {
    expect([each, await problemOf(refresh(each))]).toEqual([each, 'unauthenticated']);
    await identity.sessions.revokeRefreshToken({ refreshToken: each });
  }
  expect(await lives(id)).toBe(true);
  expect(await lives(stranger.id)).toBe(true);
  expect((await refresh(refreshToken)).refreshToken).not.toBe(refreshToken);
});

test('a session that was ended or revoked, and a disabled user, refresh nothing', async () => {
  const [ended, revoked, disabled, expired] = [await issue(), await issue(), await issue(), await issue()];
  await identity.sessions.endSession({ id: ended.id }, await identity.behalf(ended.account.session));
  await identity.sessions.revokeRefreshToken({ refreshToken: revoked.refreshToken });
  await identity.sessions.revokeRefreshToken({ refreshToken: revoked.refreshToken });
  await identity.db.query('UPDATE "user" SET disabled = true WHERE id = $1', [disabled.user]);
  await identity.db.query(`UPDATE session SET "expiresAt" = now() - interval '1 second' WHERE id = $1`, [expired.id]);
  for (const { refreshToken } of [ended, revoked, disabled, expired])
    expect(await problemOf(refresh(refreshToken))).toBe('unauthenticated');
  expect(await problemOf(identity.sessions.issueToken({ email: disabled.account.email, password: PASSWORD }))).toBe('wrong-credentials');
});

test('a browser session has no refresh token, and a refresh token is no session', async () => {
  const { refreshToken, account } = await issue();
  expect(await problemOf(identity.sessions.mintToken({ session: refreshToken }))).toBe('unauthenticated');
  expect(await problemOf(refresh(account.session))).toBe('unauthenticated');
});
