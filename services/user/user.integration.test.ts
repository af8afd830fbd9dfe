import { randomUUID } from 'node:crypto';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import type { Profile } from '@starling/contracts/events';
import { encodeFactHeaders, partitionOf } from '@starling/contracts/log';
import { UserService } from '@starling/contracts/rpc';
import { decodeEvent } from '@starling/platform/events';
import type { LogRecord } from '@starling/platform/log';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createUser } from './app.ts';
import { MIGRATIONS } from './store/migrations.ts';

let database: TestDatabase;
let world: TestPlatform;
let db: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await createTestPlatform({ database, services: { user: MIGRATIONS, conversation: [], web: [] } });
  world.register('user', createUser({}, world.platform('user')));
  await world.start();
  db = world.platform('user').db;
});

afterAll(async () => {
  await world.stop();
  await database.drop();
});

/** States a new user in the log, as identity does. */
async function stateUser(name: string, user: string = randomUUID(), event: string = randomUUID()): Promise<string> {
  await world.log.append('users', partitionOf(user, world.log.partitions.users), [
    { key: user, headers: encodeFactHeaders({ id: event, kind: 'user.created' }), value: Buffer.from(JSON.stringify({ user, name })) },
  ]);
  return user;
}

async function makeUser(name: string): Promise<Profile> {
  const user = await stateUser(name);
  return waitFor(async () => (await db.query<Profile>('SELECT id, handle, name, rev FROM profile WHERE id = $1', [user])).rows[0], {
    describe: `the profile of ${name}`,
  });
}

async function call(user: string, method: 'GET' | 'PATCH' | 'POST', url: string, payload?: object) {
  const response = await world
    .http('user')
    .inject({ method, url, headers: await world.headersFor('user', user), ...(payload ? { payload } : {}) });
  return { status: response.statusCode, body: response.json() };
}

async function search(user: string, text: string): Promise<string[]> {
  const { status, body } = await call(user, 'GET', `/v1/users?search=${encodeURIComponent(text)}`);
  expect(status).toBe(200);
  return body.users.map((profile: Profile) => profile.name);
}

async function readProfiles(user: string, count: number): Promise<Profile[]> {
  const found: LogRecord[] = [];
  const tail = world.log.tail({
    topic: 'users',
    from: world.log.partitions.users === 2 ? [0, 0] : [],
    onRecords: (_partition, records) => {
      found.push(...records.filter((record) => record.key === user && record.headers['kind'] === 'profile.updated'));
    },
    onHole: () => 0,
  });
  await waitFor(() => found.length >= count, { describe: `${count} profile.updated` });
  await tail.stop();
  return found.map((record) => decodeEvent('profile.updated', record.value)?.profile as Profile);
}

test('a new user gets a profile, and the log says so', async () => {
  const profile = await makeUser('Grace Hopper');
  expect(profile).toEqual({ id: profile.id, handle: 'grace.hopper', name: 'Grace Hopper', rev: 1 });
  expect(await readProfiles(profile.id, 1)).toEqual([profile]);
  expect(await call(profile.id, 'GET', '/v1/users/me')).toEqual({ status: 200, body: profile });
});

test('a handle that is taken gets a number, whatever the partition it comes from', async () => {
  const users = await Promise.all(Array.from({ length: 12 }, () => stateUser('Same Name')));
  const handles = await waitFor(async () => {
    const { rows } = await db.query<{ handle: string }>('SELECT handle FROM profile WHERE id = ANY($1)', [users]);
    return rows.length === users.length && rows.map((row) => row.handle);
  });
  const numbered = ['same.name', ...Array.from({ length: 11 }, (_, index) => `same.name-${index + 2}`)];
  expect(handles.sort()).toEqual(numbered.sort());
  expect((await db.query('SELECT FROM failed_record')).rowCount).toBe(0);
});

test('a numbered handle that somebody chose is passed by', async () => {
  const [first, chooser] = [await makeUser('Rita Levi'), await makeUser('Chooser')];
  expect((await call(chooser.id, 'PATCH', '/v1/users/me', { handle: 'rita.levi-2' })).status).toBe(200);
  expect([first.handle, (await makeUser('Rita Levi')).handle]).toEqual(['rita.levi', 'rita.levi-3']);
});

test('the same event again changes nothing', async () => {
  const event = randomUUID();
  const user = await stateUser('Only Once', randomUUID(), event);
  await stateUser('Only Once', user, event);
  await stateUser('Only Once Renamed', user);
  const partition = partitionOf(user, world.log.partitions.users);
  const end = (await world.log.endOffsets('users'))[partition] as number;
  await waitFor(
    async () =>
      ((await db.query('SELECT next_offset AS next FROM projection WHERE topic = $1 AND partition = $2', ['users', partition])).rows[0]
        ?.next ?? 0) >= end,
  );
  const { rows } = await db.query(
    'SELECT handle, name, rev, (SELECT count(*)::int FROM outbox WHERE key = $1) AS facts FROM profile WHERE id = $1::uuid',
    [user],
  );
  expect(rows).toEqual([{ handle: 'only.once', name: 'Only Once', rev: 1, facts: 1 }]);
  expect((await db.query('SELECT FROM failed_record WHERE key = $1', [user])).rowCount).toBe(0);
});

test('a user.created that cannot be read is put aside, and those after it are applied', async () => {
  const user = randomUUID();
  const partition = partitionOf(user, world.log.partitions.users);
  await world.log.append('users', partition, [
    { key: user, headers: encodeFactHeaders({ id: randomUUID(), kind: 'user.created' }), value: Buffer.from('{}') },
  ]);
  await waitFor(async () => (await db.query('SELECT FROM failed_record WHERE key = $1', [user])).rowCount === 1);
  await stateUser('Right This Time', user);
  await waitFor(async () => (await db.query('SELECT FROM profile WHERE id = $1', [user])).rowCount === 1);
  await db.query('DELETE FROM failed_record WHERE key = $1', [user]);
});

test('people are found by the beginning of their handle and of every word of their name', async () => {
  const [me] = [await makeUser('Searching Person'), await makeUser('Zoë van der Żółć'), await makeUser('zoot-suit')];
  for (const text of ['zo', 'ZOE', '@zoe.van', 'zoë', 'Zoë van der', 'van d', 'der', 'zolc']) {
    expect(await search(me.id, text), text).toContain('Zoë van der Żółć');
  }
  expect(await search(me.id, 'zo')).toEqual(['Zoë van der Żółć', 'zoot-suit']);
  for (const text of ['oe', 'an der', '%', '_', 'z_e', 'z%e', '\\', '@']) {
    expect(await search(me.id, text), text).toEqual([]);
  }
});

test('whoever has exactly this handle comes first, and there are at most 20', async () => {
  const me = await makeUser('Quentin');
  await Promise.all(Array.from({ length: 25 }, (_, index) => makeUser(`Qu ${String.fromCharCode(97 + index)}`)));
  const chosen = await makeUser('Zz Last');
  await call(chosen.id, 'PATCH', '/v1/users/me', { handle: 'qu' });
  const found = await search(me.id, 'Qu');
  expect(found).toHaveLength(20);
  expect(found[0]).toBe('Zz Last');
});

test('of handles that differ in punctuation alone, the one that was typed comes first', async () => {
  const [me, dot, line] = [await makeUser('Typist'), await makeUser('First Dotted'), await makeUser('Second Lined')];
  await call(dot.id, 'PATCH', '/v1/users/me', { handle: 'dotted.x' });
  await call(line.id, 'PATCH', '/v1/users/me', { handle: 'dotted_x' });
  expect(await search(me.id, '@dotted.x')).toEqual(['First Dotted', 'Second Lined']);
  expect(await search(me.id, '@Dotted_X')).toEqual(['Second Lined', 'First Dotted']);
});

test('a search asks for something', async () => {
  const { id } = await makeUser('Asker');
  for (const url of ['/v1/users', '/v1/users?search=', `/v1/users?search=${'x'.repeat(81)}`, '/v1/users?search=a%00b']) {
    expect((await call(id, 'GET', url)).status, url).toBe(400);
  }
});

test('cards are the profiles of those who exist', async () => {
  const [first, second] = [await makeUser('Card One'), await makeUser('Card Two')];
  const { status, body } = await call(first.id, 'POST', '/v1/users/cards', { users: [second.id, randomUUID(), first.id] });
  expect(status).toBe(200);
  expect(body).toEqual({ users: [first, second] });
  expect((await call(first.id, 'POST', '/v1/users/cards', { users: ['no id'] })).status).toBe(400);
});

test('a profile is changed, stated in the log, and found anew', async () => {
  const before = await makeUser('Before Change');
  const changed = await call(before.id, 'PATCH', '/v1/users/me', { handle: 'after_change', name: 'After Change' });
  const after = { id: before.id, handle: 'after_change', name: 'After Change', rev: 2 };
  expect(changed).toEqual({ status: 200, body: after });
  expect(await readProfiles(before.id, 2)).toEqual([before, after]);
  expect(await search(before.id, 'before')).toEqual([]);
  expect(await search(before.id, '@After_Change')).toEqual(['After Change']);
  expect((await call(before.id, 'PATCH', '/v1/users/me', { name: 'After Change' })).body).toEqual(after);
});

test('a handle belongs to one user, however many want it at once', async () => {
  const users = await Promise.all(['Wanter A', 'Wanter B', 'Wanter C'].map(makeUser));
  const answers = await Promise.all(users.map(({ id }) => call(id, 'PATCH', '/v1/users/me', { handle: 'wanted', name: 'Got It' })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  expect(answers.find(({ status }) => status === 409)?.body.type).toBe('urn:starling:problem:handle-taken');
  const refused = users[answers.findIndex(({ status }) => status === 409)] as Profile;
  expect((await call(refused.id, 'GET', '/v1/users/me')).body).toEqual(refused);
});

test.each([
  [{}],
  [{ handle: 'Upper' }],
  [{ handle: '.dot' }],
  [{ handle: 'a'.repeat(33) }],
  [{ name: '' }],
  [{ name: 'two\nlines' }],
  [{ name: 'x', admin: true }],
  [{ name: 7 }],
])('the change %j is refused', async (change) => {
  const { id } = await makeUser('Refused Change');
  expect((await call(id, 'PATCH', '/v1/users/me', change)).status).toBe(400);
});

test('a user whose profile is about to come is waited for, and not for ever', async () => {
  const user = randomUUID();
  const asked = call(user, 'GET', '/v1/users/me');
  await stateUser('Just In Time', user);
  expect((await asked).body).toMatchObject({ id: user, handle: 'just.in.time' });
  const nobody = await call(randomUUID(), 'GET', '/v1/users/me');
  expect(nobody).toMatchObject({ status: 503, body: { type: 'urn:starling:problem:behind' } });
});

test('without the tokens of a call for a user, nothing is answered', async () => {
  const { id } = await makeUser('Tokenless');
  const { authorization } = await world.headersFor('user', id);
  const ofAnother = await world.headersFor('conversation', id);
  for (const headers of [{}, { authorization: authorization as string }, ofAnother]) {
    expect((await world.http('user').inject({ url: '/v1/users/me', headers })).statusCode).toBe(401);
  }
});

test('conversation asks which users exist, and nobody else does', async () => {
  const { id } = await makeUser('Existing');
  const asking = (caller: 'conversation' | 'web') =>
    createClient(UserService, world.platform(caller).rpc('user')).findUsers({ users: [id, randomUUID(), 'no id'] });
  expect((await asking('conversation')).users).toEqual([id]);
  const refusal = await asking('web').catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ConnectError);
  expect((refusal as ConnectError).code).toBe(Code.Unauthenticated);
});
