import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { encodeFactHeaders, partitionOf } from '@starling/contracts/log';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CODE, refusal } from '../test-fake-identity.ts';
import { CREDENTIALS, cookieOf, OWN_PAGE, type Person, problemOf, setCookieOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
await site.world.start();
beforeEach(() => site.reset());
afterAll(() => site.stop());

const me = ({ cookie }: Pick<Person, 'cookie'>) => site.ask({ url: '/v1/users/me', headers: { cookie } });
const change = (method: 'POST' | 'DELETE', url: string, { cookie }: Person, payload?: object) =>
  site.ask({ method, url, headers: { cookie, ...OWN_PAGE }, ...(payload && { payload }) });

test('a log-in sets the cookies of session and device, and says nothing of them otherwise', async () => {
  const response = await site.ask({ method: 'POST', url: '/v1/sessions', headers: OWN_PAGE, payload: CREDENTIALS });
  expect([response.statusCode, response.json()]).toEqual([201, { user: expect.any(String) }]);
  const device = cookieOf(response, 'starling-device') as string;
  expect(setCookieOf(response, 'starling')).toMatch(/^starling=[0-9a-f]{32}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
  expect(response.body).not.toContain(cookieOf(response, 'starling'));
  expect(response.headers['starling-device']).toBeUndefined();
  // The device is known from then on.
  await site.ask({ method: 'POST', url: '/v1/sessions', headers: { cookie: `starling-device=${device}` }, payload: CREDENTIALS });
  expect(site.identity.askedFor('logIn')?.request).toMatchObject({ ...CREDENTIALS, client: { device } });
});

test('an account with a second factor gets no session before it', async () => {
  site.identity.secondFactor = true;
  const first = await site.ask({ method: 'POST', url: '/v1/sessions', payload: CREDENTIALS });
  expect(first.statusCode).toBe(202);
  expect(first.headers['set-cookie']).toBeUndefined();
  const { challenge, ...rest } = first.json();
  expect(rest).toEqual({ methods: ['totp', 'recovery-code'], expiresAt: 1_900_000_000_000 });
  const answer = (code: string) =>
    site.ask({
      method: 'POST',
      url: '/v1/sessions/second-factor',
      headers: OWN_PAGE,
      payload: { challenge, method: 'totp', code },
    });
  expect(problemOf(await answer('000000'))).toBe('wrong-code');
  const second = await answer(CODE);
  expect(second.statusCode).toBe(201);
  expect(cookieOf(second, 'starling')).toMatch(/^[0-9a-f]{32}$/);
  expect(site.identity.askedFor('completeLogIn')?.request).toMatchObject({ challenge, method: 'totp', code: CODE });
});

test('the current session is told, prolonged, and gone after log-out', async () => {
  const person = await site.signUp();
  const current = await site.ask({ url: '/v1/sessions/current', headers: { cookie: person.cookie } });
  expect([current.statusCode, current.json()]).toEqual([200, { user: person.user }]);
  expect(setCookieOf(current, 'starling')).toMatch(new RegExp(`^starling=${person.session}; Max-Age=2592000;`));
  expect((await me(person)).statusCode).toBe(200);
  const out = await change('DELETE', '/v1/sessions/current', person);
  expect([out.statusCode, out.body]).toEqual([204, '']);
  expect(out.headers['set-cookie']).toMatch(/^starling=; Max-Age=0; Path=\/; /);
  expect(site.identity.sessions.size).toBe(0);
  expect(problemOf(await me(person))).toBe('unauthenticated');
  expect(problemOf(await site.ask({ url: '/v1/sessions/current' }))).toBe('unauthenticated');
  expect((await site.ask({ method: 'DELETE', url: '/v1/sessions/current' })).statusCode).toBe(204);
});

test('a log-out that did not happen is not claimed', async () => {
  const person = await site.signUp();
  site.identity.fail = new ConnectError('away', Code.Unavailable);
  const response = await change('DELETE', '/v1/sessions/current', person);
  expect(problemOf(response)).toBe('unavailable');
  expect(response.headers['set-cookie']).toBeUndefined();
});

test('the cookie of a session that has ended is taken away, wherever it is noticed', async () => {
  const person = await site.signUp();
  site.identity.sessions.clear();
  for (const [method, url] of [
    ['GET', '/v1/users/me'],
    ['GET', '/v1/sessions/current'],
    ['GET', '/v1/account'],
    ['POST', '/v1/socket-token'],
  ] as const) {
    const response = await site.ask({ method, url, headers: { cookie: person.cookie, ...OWN_PAGE } });
    expect(problemOf(response), url).toBe('unauthenticated');
    expect(setCookieOf(response, 'starling'), url).toMatch(/^starling=; Max-Age=0; Path=\/; /);
  }
});

test('the cookie of somebody else than the tab shows is left where it is', async () => {
  const { cookie } = await site.signUp();
  const response = await site.ask({ url: '/v1/users/me', headers: { cookie, 'x-starling-user': randomUUID() } });
  expect([problemOf(response), response.json().errors[0].pointer]).toEqual(['unauthenticated', '/headers/x-starling-user']);
  expect(response.headers['set-cookie']).toBeUndefined();
});

test('a session that ended elsewhere stops once the log says so', async () => {
  const person = await site.signUp();
  expect((await me(person)).statusCode).toBe(200);
  const { id } = site.identity.sessions.get(person.session) as { id: string };
  site.identity.sessions.clear();
  // A token of it is held yet.
  expect((await me(person)).statusCode).toBe(200);
  const { log } = site.world;
  const headers = encodeFactHeaders({ id: randomUUID(), kind: 'session.revoked' });
  const value = Buffer.from(JSON.stringify({ user: person.user, session: id }));
  await log.append('users', partitionOf(person.user, log.partitions.users), [{ key: person.user, headers, value }]);
  const refused = await waitFor(async () => {
    const response = await me(person);
    return response.statusCode === 401 && response;
  });
  expect(setCookieOf(refused, 'starling')).toMatch(/^starling=; Max-Age=0;/);
});

test('one has a list of sessions, ends one, and all others', async () => {
  const person = await site.signUp();
  const { id } = site.identity.sessions.get(person.session) as { id: string };
  const list = await site.ask({ url: '/v1/sessions', headers: { cookie: person.cookie } });
  expect(list.json()).toEqual({
    sessions: [{ id, createdAt: 1, lastUsedAt: 2, userAgent: 'agent', address: '192.0.2.1', current: true }],
  });
  const other = randomUUID();
  const ended = await change('DELETE', `/v1/sessions/${other}`, person);
  expect([ended.statusCode, ended.headers['set-cookie']]).toEqual([204, undefined]);
  expect(site.identity.askedFor('endSession')).toMatchObject({ request: { id: other }, user: { user: person.user, session: id } });
  const all = await change('POST', '/v1/sessions/end-all', person, { keepCurrent: true });
  expect([all.statusCode, all.headers['set-cookie']]).toEqual([204, undefined]);
  expect(site.identity.askedFor('endAllSessions')).toMatchObject({ request: { keepCurrent: true }, user: { user: person.user } });
  expect((await me(person)).statusCode).toBe(200);
  expect(problemOf(await change('DELETE', '/v1/sessions/x', person))).toBe('invalid-request');
});

test.each([
  ['the own one by its id', (id: string) => ['DELETE', `/v1/sessions/${id}`] as const, undefined],
  ['all', () => ['POST', '/v1/sessions/end-all'] as const, { keepCurrent: false }],
])('who ends %s is logged out here at once', async (_name, requestFor, payload) => {
  const person = await site.signUp();
  await me(person);
  const { id } = site.identity.sessions.get(person.session) as { id: string };
  const [method, url] = requestFor(id);
  const response = await change(method, url, person, payload);
  expect(response.statusCode).toBe(204);
  expect(setCookieOf(response, 'starling')).toMatch(/^starling=; Max-Age=0;/);
  site.identity.sessions.clear();
  expect(problemOf(await me(person))).toBe('unauthenticated');
});

test('a session has one token, minted once however many calls begin at once, until a minute before it expires', async () => {
  const person = await site.signUp();
  const minted = () => site.identity.calls.filter(({ method }) => method === 'mintToken').length;
  const token = async () => (await me(person)).json().headers.authorization as string;
  const first = new Set(await Promise.all(Array.from({ length: 10 }, token)));
  expect([first.size, minted()]).toEqual([1, 1]);
  site.clock.advance(238_000);
  expect([first.has(await token()), minted()]).toEqual([true, 1]);
  site.clock.advance(3_000);
  const second = new Set(await Promise.all(Array.from({ length: 10 }, token)));
  expect([second.size, [...second].some((held) => first.has(held)), minted()]).toEqual([1, false, 2]);
});

test('when identity is away, held tokens go on and no session is taken for ended', async () => {
  const person = await site.signUp();
  await me(person);
  site.identity.fail = new ConnectError('away', Code.Unavailable);
  expect((await me(person)).statusCode).toBe(200);
  site.clock.advance(300_000);
  const response = await me(person);
  expect([problemOf(response), response.headers['set-cookie']]).toEqual(['unavailable', undefined]);
  site.identity.fail = undefined;
  expect((await me(person)).statusCode).toBe(200);
});

describe.each(['/v1/sessions', '/v1/users/me'])('a user whose token is refused behind web, at %s,', (url) => {
  async function begin() {
    const person = await site.signUp();
    await me(person);
    const minted = () => site.identity.calls.filter((call) => call.method === 'mintToken').length;
    return { person, minted, before: minted(), read: () => site.ask({ url, headers: { cookie: person.cookie } }) };
  }

  test('goes on with a new one if the session lives', async () => {
    const { read, minted, before } = await begin();
    site.identity.tokensToRefuse = 1;
    expect((await read()).statusCode).toBe(200);
    expect(minted()).toBe(before + 1);
  });

  test('is logged out if it does not', async () => {
    const { person, read } = await begin();
    site.identity.sessions.delete(person.session);
    site.identity.tokensToRefuse = 1;
    const response = await read();
    expect(problemOf(response)).toBe('unauthenticated');
    expect(setCookieOf(response, 'starling')).toMatch(/^starling=;/);
  });

  test('is told to come back, not to log in, if the new one is refused too: keys were replaced', async () => {
    const { read } = await begin();
    site.identity.tokensToRefuse = 2;
    const response = await read();
    expect([problemOf(response), response.headers['retry-after'], response.headers['set-cookie']]).toEqual(['unavailable', '3', undefined]);
    expect((await read()).statusCode).toBe(200);
  });
});

test('a program whose token is refused behind web gets a new one for itself; where web knows it to be good, it comes back', async () => {
  const begun = await site.ask({ method: 'POST', url: '/v1/token', payload: CREDENTIALS });
  const headers = { authorization: `Bearer ${begun.json().token}` };
  for (const [url, problem] of [
    ['/v1/sessions', 'unauthenticated'],
    ['/v1/users/me', 'unavailable'],
  ] as const) {
    site.identity.tokensToRefuse = 1;
    expect(problemOf(await site.ask({ url, headers }))).toBe(problem);
  }
});

test('what identity refuses a user is passed on as it is', async () => {
  const person = await site.signUp();
  await me(person);
  site.identity.fail = refusal('wrong-credentials', Code.Unauthenticated);
  expect(problemOf(await site.ask({ url: '/v1/sessions', headers: { cookie: person.cookie } }))).toBe('wrong-credentials');
});
