import type { IssuedTokensReply } from '@starling/contracts/http';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type Account, call, logIn, makeAccount, openSocket, type ProgramSocket, readCursor, refresh } from './program.ts';

const PODS = ['delivery-1', 'delivery-2'];
/** As many as two pods take of one user. */
const SOCKETS = 100;
const UNAUTHENTICATED = CLOSE_CODES.unauthenticated.code;

await describeWithOwnBrokers('accounts and sessions, on Kafka with two delivery pods', { count: 1 }, (brokers) => {
  let database: TestDatabase;
  let services: StarlingServices;
  let url: string;
  let owner: Account;
  let ann: Account;
  let bob: Account;
  let watching: ProgramSocket[];

  beforeAll(async () => {
    database = await createTestDatabase();
    services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, delivery: PODS.length });
    ({ url } = services);
    // The first account of all is an owner.
    [owner, ann, bob] = [await makeAccount(url, 'Olga'), await makeAccount(url, 'Ann'), await makeAccount(url, 'Bob')];
    const { token } = await logIn(url, bob);
    const cursor = await readCursor(url, token);
    watching = [await openSocket(url, token, cursor), await openSocket(url, token, cursor)];
  }, 180_000);
  afterAll(async () => {
    for (const socket of watching ?? []) socket.terminate();
    await services?.stop();
    await database?.drop();
  }, 60_000);

  async function logInOften(account: Account, times: number): Promise<IssuedTokensReply[]> {
    const sessions: IssuedTokensReply[] = [];
    while (sessions.length < times) sessions.push(await logIn(url, account));
    return sessions;
  }

  /** Opens sockets with the tokens in turn; the pods take them in turn as well. */
  async function openSockets(sessions: IssuedTokensReply[], count: number): Promise<ProgramSocket[]> {
    const cursor = await readCursor(url, sessions[0]?.token ?? '');
    const sockets: ProgramSocket[] = [];
    onTestFinished(() => {
      for (const socket of sockets) socket.terminate();
    });
    while (sockets.length < count)
      sockets.push(await openSocket(url, sessions[Math.floor(sockets.length / PODS.length) % sessions.length]?.token ?? '', cursor));
    return sockets;
  }

  async function connectionsOf(pod: string): Promise<number> {
    const metrics = await (await fetch(`${services.sideUrl(pod)}/metrics`)).text();
    return Number(/^starling_connections\S* (\d+)$/m.exec(metrics)?.[1]);
  }

  async function expectSpread(count: number): Promise<void> {
    const share = (count + watching.length) / PODS.length;
    expect(await Promise.all(PODS.map(connectionsOf))).toEqual(PODS.map(() => share));
  }

  const closesOf = (sockets: ProgramSocket[]) => sockets.map((socket) => socket.closed);
  const waitAllClosed = (sockets: ProgramSocket[], deadline = 10_000) =>
    waitFor(() => sockets.every((socket) => socket.closed !== undefined), { deadline, describe: `${sockets.length} sockets are closed` });

  /** Nobody else has noticed anything. */
  function expectOthersUntouched(): void {
    expect(closesOf(watching)).toEqual(watching.map(() => undefined));
  }

  it('the end of all sessions closes each of their sockets on both pods, and no token is good any more', async () => {
    const sessions = await logInOften(ann, 5);
    const sockets = await openSockets(sessions, SOCKETS);
    await expectSpread(SOCKETS);
    const reply = await call(url, 'POST', '/v1/sessions/end-all', { token: sessions[0]?.token ?? '', body: { keepCurrent: false } });
    expect(reply.status).toBe(204);
    await waitAllClosed(sockets);
    expect(closesOf(sockets)).toEqual(sockets.map(() => UNAUTHENTICATED));
    for (const { token, refreshToken } of sessions) {
      expect((await refresh(url, refreshToken)).status).toBe(401);
      await waitFor(async () => (await call(url, 'GET', '/v1/users/me', { token })).status === 401);
    }
    expectOthersUntouched();
  }, 60_000);

  it('a user who is disabled loses each socket on both pods, and cannot come back until enabled', async () => {
    const sessions = await logInOften(ann, 5);
    const sockets = await openSockets(sessions, SOCKETS);
    await expectSpread(SOCKETS);
    const { token } = await logIn(url, owner);
    const change = (disabled: boolean) => call(url, 'PATCH', `/v1/admin/users/${ann.user}`, { token, body: { disabled } });
    expect((await change(true)).status).toBe(204);
    await waitAllClosed(sockets);
    expect(closesOf(sockets)).toEqual(sockets.map(() => UNAUTHENTICATED));
    await expect(logIn(url, ann)).rejects.toThrow('/v1/token was answered 401');
    expect((await change(false)).status).toBe(204);
    // Who is enabled again logs in again: what was there before stays ended.
    for (const { refreshToken } of sessions) expect((await refresh(url, refreshToken)).status).toBe(401);
    const again = await logIn(url, ann);
    const [socket] = await waitFor(() => openSockets([again], 1));
    expect(socket?.closed).toBeUndefined();
    expectOthersUntouched();
  }, 60_000);

  it('a refresh token that many use at once has one successor; used again later, it ends its own device and no other', async () => {
    const [laptop, phone] = (await logInOften(ann, 2)) as [IssuedTokensReply, IssuedTokensReply];
    const [onLaptop, onPhone] = [await openSockets([laptop], 2), await openSockets([phone], 2)];
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(url, laptop.refreshToken)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const successors = (await Promise.all(answers.map((answer) => answer.json()))) as IssuedTokensReply[];
    expect(new Set(successors.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    const next = successors[0] as IssuedTokensReply;
    expect(next.refreshToken).not.toBe(laptop.refreshToken);
    for (const { token } of successors) expect((await call(url, 'GET', '/v1/users/me', { token })).status).toBe(200);

    // Its successor was used: who has the first one now is a thief, or was robbed.
    const newest = (await (await refresh(url, next.refreshToken)).json()) as IssuedTokensReply;
    expect((await refresh(url, laptop.refreshToken)).status).toBe(401);
    await waitAllClosed(onLaptop);
    expect(closesOf(onLaptop)).toEqual([UNAUTHENTICATED, UNAUTHENTICATED]);
    expect((await refresh(url, newest.refreshToken)).status).toBe(401);
    await waitFor(async () => (await call(url, 'GET', '/v1/users/me', { token: newest.token })).status === 401);

    const phoneNext = await refresh(url, phone.refreshToken);
    expect(phoneNext.status).toBe(200);
    const { token } = (await phoneNext.json()) as IssuedTokensReply;
    const { sessions } = (await (await call(url, 'GET', '/v1/sessions', { token })).json()) as { sessions: { id: string }[] };
    expect(sessions.map(({ id }) => id)).toContain(phone.refreshToken.split('.')[0]);
    expect(sessions.map(({ id }) => id)).not.toContain(laptop.refreshToken.split('.')[0]);
    expect(closesOf(onPhone)).toEqual([undefined, undefined]);
    expectOthersUntouched();
  }, 60_000);

  it('an account that was made while the profiles were down has its profile when they are back', async () => {
    process.kill(services.pidOf('user'), 'SIGSTOP');
    const eve = await makeAccount(url, 'Eve');
    const { token } = await logIn(url, eve);
    services.kill('user');
    await services.waitReady('user');
    const profile = await waitFor(async () => {
      const reply = await call(url, 'GET', '/v1/users/me', { token });
      return reply.status === 200 && ((await reply.json()) as { id: string; name: string });
    });
    expect(profile).toMatchObject({ id: eve.user, name: 'Eve' });
  }, 60_000);

  it('without the broker, a session ends where it is asked for, and its sockets as soon as the broker is back', async () => {
    const session = await logIn(url, ann);
    const sockets = await openSockets([session], 4);
    await brokers.kill(0);
    try {
      const { token, refreshToken } = session;
      const reply = await call(url, 'POST', '/v1/sessions/end-all', { token, body: { keepCurrent: false } });
      expect(reply.status).toBe(204);
      expect((await refresh(url, refreshToken)).status).toBe(401);
      // Nobody has told the pods: until their token expires, the sockets stay.
      expect(closesOf(sockets)).toEqual(sockets.map(() => undefined));
    } finally {
      await brokers.restart(0);
    }
    await waitAllClosed(sockets, 60_000);
    expect(closesOf(sockets)).toEqual(sockets.map(() => UNAUTHENTICATED));
    expectOthersUntouched();
  }, 120_000);
});
