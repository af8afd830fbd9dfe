import { randomUUID } from 'node:crypto';
import type { UserUpdated } from '@starling/contracts/events';
import { encodeFactHeaders, type Headers, partitionOf } from '@starling/contracts/log';
import type { FakeClock } from '@starling/testing/clock';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPool, migrate } from '../db/index.ts';
import type { EventLog } from '../log/index.ts';
import { LOG_MIGRATIONS, openPostgresLog } from '../log/postgres/index.ts';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { createGate, type Gate, type UserIdentity } from './gate.ts';
import { createKeyRing } from './keys.ts';
import { Revocations, type Revoked } from './revocations.ts';
import { CLUSTER, createTestTokens, type TestTokens } from './test-tokens.ts';

const PARTITIONS = { conversations: 1, receipts: 1, users: 2 };
const LIFE_MS = 310_000;

let database: TestDatabase;
let pool: pg.Pool;
let log: EventLog;
let clock: FakeClock;
let tokens: TestTokens;
const following: Revocations[] = [];
const { logger, text } = createTestLogger();

beforeEach(async () => {
  database = await createTestDatabase();
  const url = await migrate({ adminUrl: database.url, schema: 'log', secret: 'only of a test', sets: [LOG_MIGRATIONS] });
  pool = createPool({ url, logger, applicationName: 'test' });
  tokens = await createTestTokens();
  clock = tokens.clock;
  log = await openPostgresLog({ pool, clock, logger, partitions: PARTITIONS });
});
afterEach(async () => {
  for (const revocations of following.splice(0)) await revocations.stop();
  await log.close();
  await pool.end();
  await database.drop();
});

async function append(user: string, facts: { headers: Headers; value: object }[]): Promise<void> {
  const records = facts.map(({ headers, value }) => ({ key: user, headers, value: Buffer.from(JSON.stringify(value)) }));
  await log.append('users', partitionOf(user, PARTITIONS.users), records);
}

function tell(kind: string, user: string, value: object, headers?: Headers): Promise<void> {
  return append(user, [{ headers: headers ?? encodeFactHeaders({ id: randomUUID(), kind }), value }]);
}

const revoke = (user: string, session: string) => tell('session.revoked', user, { user, session });
const update = (fact: UserUpdated) => tell('user.updated', fact.user, fact);

/** Nothing can be read of the log, nor written. */
async function stallLog(): Promise<void> {
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await admin.query('ALTER SCHEMA log RENAME TO gone');
  await admin.end();
}

/** A process that follows the log, and the gate of a service in it. */
async function startProcess(): Promise<{ gate: Gate; revocations: Revocations; revoked: Revoked[] }> {
  const revocations = new Revocations({ log, clock, logger });
  following.push(revocations);
  const revoked: Revoked[] = [];
  revocations.onRevoked((one) => revoked.push(one));
  await revocations.start();
  const ring = await createKeyRing({ identity: [tokens.issuers.identity.publicJwk], web: [tokens.issuers.web.publicJwk] });
  return { gate: createGate({ service: 'user', cluster: CLUSTER, ring, clock, revocations }), revocations, revoked };
}

async function mint(user: string, session: string, role: UserIdentity['role'] = 'member'): Promise<string> {
  return (await tokens.issuers.identity.minter.mintUserToken({ user, session, role, scope: 'api' })).token;
}

const refusal = (gate: Gate, token: string) =>
  gate.verifyUserToken(token).then(
    () => undefined,
    (error: Error) => error.message,
  );

describe('a session that has ended', () => {
  it('takes its tokens along, on their own and beside a hop token, also those that were accepted before; and no others', async () => {
    const { gate, revoked } = await startProcess();
    const [user, session, other] = [randomUUID(), randomUUID(), randomUUID()];
    const token = await mint(user, session);
    const elsewhere = await mint(user, other);
    const call = {
      hopToken: await tokens.issuers.web.minter.mintHopToken('user', { user, session, token }),
      userToken: token,
      method: 'http',
    };
    expect((await gate.verifyCall(call)).user?.session).toBe(session);
    await revoke(user, session);
    await waitFor(() => revoked.length > 0);
    expect(revoked).toEqual([{ user, session }]);
    expect(await refusal(gate, token)).toBe('the session has ended');
    await expect(gate.verifyCall(call)).rejects.toThrow('the session has ended');
    expect((await gate.verifyUserToken(elsewhere)).session).toBe(other);
    expect(await refusal(gate, await mint(user, session))).toBe('the session has ended');
  });

  it('is known to a process that starts later, before it is ready', async () => {
    const [user, session] = [randomUUID(), randomUUID()];
    const token = await mint(user, session);
    await revoke(user, session);
    const others = Array.from({ length: 700 }, () => randomUUID());
    for (const other of others) await revoke(other, randomUUID());
    clock.advance(200_000);
    const late = new Revocations({ log, clock, logger });
    following.push(late);
    expect(late.unready()).toEqual(['ended sessions are being read']);
    const { gate, revocations } = await startProcess();
    expect(revocations.unready()).toEqual([]);
    expect(await refusal(gate, token)).toBe('the session has ended');
  });

  it('is read from no further back than tokens live, and forgotten after that', async () => {
    const [user, session] = [randomUUID(), randomUUID()];
    const first = await startProcess();
    await revoke(user, session);
    await waitFor(() => first.revoked.length === 1);
    clock.advance(LIFE_MS + 1);
    await revoke(user, randomUUID());
    await waitFor(() => first.revoked.length === 2);
    const second = await startProcess();
    await waitFor(() => second.revoked.length === 1);
    // A token of that session cannot have lived so long: this one only shows what is held.
    for (const { gate } of [first, second]) expect(await refusal(gate, await mint(user, session))).toBeUndefined();
  });

  it('is told of by the user whom it belongs to, in a shape that is known', async () => {
    const { gate, revoked } = await startProcess();
    const [user, session, other] = [randomUUID(), randomUUID(), randomUUID()];
    await tell('session.revoked', other, { user, session });
    await tell('session.revoked', user, { user });
    await tell('session.revoked', user, { user, session }, { kind: 'session.revoked' });
    await tell('profile.updated', user, { user, session });
    await revoke(user, other);
    await revoke(other, other);
    await waitFor(() => revoked.length === 2);
    expect(await refusal(gate, await mint(user, session))).toBeUndefined();
  });
});

describe('an account that was changed', () => {
  it('counts for its new role at once, for tokens from before, and a token from after counts for itself', async () => {
    const { gate } = await startProcess();
    const user = randomUUID();
    const before = await mint(user, randomUUID(), 'admin');
    clock.advance(60_000);
    await update({ user, role: 'guest', disabled: false, rev: 2 });
    await waitFor(async () => (await gate.verifyUserToken(before)).role === 'guest');
    clock.advance(60_000);
    expect((await gate.verifyUserToken(await mint(user, randomUUID(), 'owner'))).role).toBe('owner');
    // Told again, or an older one late: as it was.
    await update({ user, role: 'owner', disabled: true, rev: 1 });
    await update({ user, role: 'member', disabled: false, rev: 3 });
    await waitFor(async () => (await gate.verifyUserToken(before)).role === 'member');
  });

  it('gets no further when it is disabled, and its sockets are to be closed', async () => {
    const { gate, revoked } = await startProcess();
    const user = randomUUID();
    const token = await mint(user, randomUUID());
    await update({ user, role: 'member', disabled: true, rev: 2 });
    await waitFor(() => revoked.length > 0);
    expect(revoked).toEqual([{ user }]);
    expect(await refusal(gate, token)).toBe('the user is disabled');
    const late = await startProcess();
    expect(await refusal(late.gate, token)).toBe('the user is disabled');
  });

  it('that is enabled again gets on with new tokens, not with those from before', async () => {
    const { gate } = await startProcess();
    const user = randomUUID();
    const before = await mint(user, randomUUID());
    clock.advance(30_000);
    await update({ user, role: 'member', disabled: true, rev: 2 });
    await update({ user, role: 'member', disabled: false, rev: 3 });
    const after = await mint(user, randomUUID());
    await waitFor(async () => (await refusal(gate, before)) === 'the user was disabled since');
    expect(await refusal(gate, after)).toBeUndefined();
    expect(await refusal((await startProcess()).gate, before)).toBe('the user was disabled since');
  });
});

describe('a follower of the log', () => {
  it('tells those who listen until they do no more', async () => {
    const { gate, revoked } = await startProcess();
    const heard: Revoked[] = [];
    const stop = gate.onRevoked((one) => heard.push(one));
    const user = randomUUID();
    await revoke(user, randomUUID());
    await waitFor(() => revoked.length === 1);
    stop();
    await revoke(user, randomUUID());
    await waitFor(() => revoked.length === 2);
    expect(heard).toHaveLength(1);
  });

  it('goes on with what it has read when the log stalls, and its gate with it', async () => {
    const { gate, revoked } = await startProcess();
    const [user, session] = [randomUUID(), randomUUID()];
    const [ended, living] = [await mint(user, session), await mint(user, randomUUID())];
    await revoke(user, session);
    await waitFor(() => revoked.length === 1);
    await stallLog();
    await expect(revoke(user, randomUUID())).rejects.toThrow();
    clock.advance(290_000);
    expect(await refusal(gate, ended)).toBe('the session has ended');
    expect(await refusal(gate, living)).toBeUndefined();
    clock.advance(15_000);
    expect(await refusal(gate, living)).toBe('the token has expired');
  });

  it('asks again while the log does not answer', async () => {
    let answers = false;
    const hesitant: EventLog = {
      ...log,
      epoch: log.epoch,
      partitions: log.partitions,
      endOffsets: (topic) => (answers ? log.endOffsets(topic) : Promise.reject(new Error('nobody answers'))),
    };
    const revocations = new Revocations({ log: hesitant, clock, logger });
    following.push(revocations);
    let started = false;
    const starting = revocations.start().then(() => {
      started = true;
    });
    await waitFor(() => text().includes('nobody answers'));
    expect([started, revocations.unready()]).toEqual([false, ['ended sessions are being read']]);
    answers = true;
    await starting;
    expect(revocations.unready()).toEqual([]);
  });

  it('stops at a record of newer rules, and says so', async () => {
    const { gate, revocations, revoked } = await startProcess();
    const [user, session] = [randomUUID(), randomUUID()];
    // Together, so that they are read together.
    await append(user, [
      { headers: { ...encodeFactHeaders({ id: randomUUID(), kind: 'session.revoked' }), level: '99' }, value: { user, session } },
      { headers: encodeFactHeaders({ id: randomUUID(), kind: 'session.revoked' }), value: { user, session } },
    ]);
    await waitFor(() => revocations.unready().length > 0);
    expect(revocations.unready()[0]).toContain('newer rules');
    expect(revoked).toEqual([]);
    expect(await refusal(gate, await mint(user, session))).toBeUndefined();
  });
});
