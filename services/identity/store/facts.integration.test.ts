import { encodeFactHeaders, parseHeaders } from '@starling/contracts/log';
import { decodeEvent } from '@starling/platform/events';
import type { LogRecord } from '@starling/platform/log';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../test-identity.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});

afterAll(() => identity.stop());

/** The user's records in the log, once there are so many. */
async function readFacts(user: string, many: number): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  const tail = identity.world.log.tail({
    topic: 'users',
    from: [0, 0],
    onRecords: (_partition, records) => {
      found.push(...records.filter((record) => record.key === user));
    },
    onHole: () => 0,
  });
  await waitFor(() => found.length >= many, { describe: `${many} records of the user in the log` });
  await tail.stop();
  return found;
}

/** The facts of a user that are in the outbox, in the order in which they are sent. */
async function factsOf(user: string): Promise<{ kind: string; rev: number; value: Record<string, unknown> }[]> {
  const { rows } = await identity.db.query(
    `SELECT headers->>'kind' AS kind, rev, convert_from(value, 'UTF8')::json AS value FROM outbox WHERE key = $1 ORDER BY key, rev, created_at`,
    [user],
  );
  return rows;
}

test('user.created reaches the log with name and role and the headers of every fact, and its outbox row learns where', async () => {
  const name = 'Ünï "quoted" \\ 🐦';
  const { user } = await identity.makeAccount({ name, role: 'guest' });
  const records = await readFacts(user, 1);
  expect(records).toHaveLength(1);
  const [record] = records as [LogRecord];
  const id = record.headers['id'] as string;
  expect(record.headers).toEqual(encodeFactHeaders({ id, kind: 'user.created' }));
  expect(parseHeaders(record.headers)?.kind).toBe('user.created');
  expect(decodeEvent('user.created', record.value)).toEqual({ user, name, role: 'guest' });
  await waitFor(async () => (await identity.db.query('SELECT FROM outbox WHERE id = $1 AND position IS NOT NULL', [id])).rowCount === 1);
});

test('each change of role or state is a fact with the next rev, and nothing else is one', async () => {
  const [owner, { user }] = [await identity.makeAccount({ role: 'owner' }), await identity.makeAccount()];
  const { administration } = identity.parts;
  await administration.change(owner.user, user, { role: 'admin' });
  await administration.change(owner.user, user, { role: 'admin' });
  await identity.parts.accounts.changeEmail(user, 'another@example.org');
  await administration.change(owner.user, user, { disabled: true });
  await administration.change(owner.user, user, { disabled: false });
  const facts = (await factsOf(user)).filter(({ kind }) => kind !== 'session.revoked');
  expect(facts).toEqual([
    { kind: 'user.created', rev: 1, value: expect.objectContaining({ user }) },
    { kind: 'user.updated', rev: 2, value: { user, role: 'admin', disabled: false, rev: 2 } },
    { kind: 'user.updated', rev: 3, value: { user, role: 'admin', disabled: true, rev: 3 } },
    { kind: 'user.updated', rev: 4, value: { user, role: 'admin', disabled: false, rev: 4 } },
  ]);
  const records = await readFacts(user, 5);
  const updates = records.filter(({ headers }) => headers['kind'] === 'user.updated');
  expect(updates.map(({ value }) => decodeEvent('user.updated', value)?.rev)).toEqual([2, 3, 4]);
});

test('every way to end a session that is alive states it, once, and one that ended by itself is not stated', async () => {
  const account = await identity.makeAccount();
  const { sessions, refreshTokens, accounts } = identity.parts;
  const ended: string[] = [];
  async function begin(): Promise<{ id: string; secret: string }> {
    const { session } = await sessions.begin(account.user, undefined);
    const id = (await sessions.find(session))?.id as string;
    ended.push(id);
    return { id, secret: session };
  }
  ended.push((await sessions.find(account.session))?.id as string);
  const own = await begin();
  await sessions.end(own.secret);
  await sessions.end(own.secret);
  const named = await begin();
  expect(await sessions.endById(account.user, named.id)).toBe(true);
  expect(await sessions.endById(account.user, named.id)).toBe(false);
  const program = await refreshTokens.begin(account.user, undefined);
  ended.push(program.id);
  await refreshTokens.revoke(program.refreshToken);
  await begin();
  await sessions.endAll(account.user);
  await begin();
  await accounts.setPassword(account.user, 'a hash');
  const expired = await sessions.begin(account.user, undefined);
  await identity.db.query(`UPDATE session SET "expiresAt" = now() - interval '1 second' WHERE "userId" = $1`, [account.user]);
  expect(await sessions.find(expired.session)).toBeUndefined();
  await sessions.sweep();
  expect((await identity.db.query('SELECT FROM session WHERE "userId" = $1', [account.user])).rowCount).toBe(0);
  const records = await readFacts(account.user, 1 + ended.length);
  expect(records[0]?.headers['kind']).toBe('user.created');
  const revoked = records.slice(1).map(({ headers, value }) => {
    expect(headers).toEqual(encodeFactHeaders({ id: headers['id'] as string, kind: 'session.revoked' }));
    return decodeEvent('session.revoked', value);
  });
  expect(revoked.map((fact) => fact?.user)).toEqual(ended.map(() => account.user));
  expect(revoked.map((fact) => fact?.session).sort()).toEqual(ended.sort());
});

test('a change that is undone states nothing', async () => {
  const account = await identity.makeAccount();
  const { accounts } = identity.parts;
  const before = async () => {
    throw new Error('not after all');
  };
  await expect(accounts.setPassword(account.user, 'a hash', { before })).rejects.toThrow('not after all');
  await expect(
    accounts.create({ email: 'undone@example.org', name: 'Undone', role: 'member', passwordHash: 'a hash' }, undefined, before),
  ).rejects.toThrow('not after all');
  expect(await accounts.findByEmail('undone@example.org')).toBeUndefined();
  expect(await factsOf(account.user)).toHaveLength(1);
  expect((await identity.sessions.mintToken({ session: account.session })).user).toBe(account.user);
});
