import { offsetOf, partitionOf, positionOf } from '@starling/contracts/log';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { transaction } from '../db/index.ts';
import type { EventLog, LogRecord, NewRecord } from '../log/index.ts';
import { createFact, keyIn, openTestOwner, PARTITIONS, type TestOwner } from '../projection/test-owner.ts';
import { type Fact, insertFacts } from './store.ts';

let owner: TestOwner;
beforeEach(async () => {
  owner = await openTestOwner();
});
afterEach(() => owner.close());

const write = (facts: Fact[]) => transaction(owner.pool, (tx) => insertFacts(tx, facts));

/** Everything that stands in the log, by partition. */
async function readAll(): Promise<LogRecord[]> {
  const ends = await owner.events.endOffsets('conversations');
  const records: LogRecord[] = [];
  const tail = owner.events.tail({
    topic: 'conversations',
    from: ends.map(() => 0),
    onRecords: (_partition, more) => void records.push(...more),
    onHole: (_p, hole) => hole.low,
  });
  await waitFor(() => records.length >= ends.reduce((sum, end) => sum + end, 0));
  await tail.stop();
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** The log, with something done at each append. */
function logWith(append: (write: () => Promise<number[]>, records: NewRecord[]) => Promise<number[]>): EventLog {
  return { ...owner.events, append: (topic, partition, records) => append(() => owner.events.append(topic, partition, records), records) };
}

describe('the relay', () => {
  it('publishes what was committed, each key in the order of its revs, in the partition of the key', async () => {
    const keys = [keyIn(0), keyIn(1), keyIn(0)];
    const facts = keys.flatMap((key) => [3, 1, 4, 2].map((rev) => createFact(key, rev)));
    await write(facts);
    owner.startRelay();
    await waitFor(async () => (await owner.outbox()).every((row) => row.sent));
    const records = await readAll();
    expect(records).toHaveLength(facts.length);
    for (const key of keys) {
      const ofKey = records.filter((record) => record.key === key);
      expect(ofKey.map((record) => JSON.parse(Buffer.from(record.value).toString()).conversation.rev)).toEqual([1, 2, 3, 4]);
      expect(ofKey.every((record) => record.partition === partitionOf(key, PARTITIONS.conversations))).toBe(true);
    }
    expect(records[0]?.headers).toMatchObject({
      kind: 'conversation.updated',
      level: '1',
      id: facts.find((fact) => fact.id === records[0]?.headers['id'])?.id,
    });
  });

  it('publishes nothing that was rolled back', async () => {
    const [kept, undone] = [createFact(keyIn(0), 1), createFact(keyIn(0), 1)];
    await expect(
      transaction(owner.pool, async (tx) => {
        await insertFacts(tx, [undone]);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await write([kept]);
    owner.startRelay();
    await waitFor(async () => (await owner.outbox()).every((row) => row.sent));
    expect((await readAll()).map((record) => record.headers['id'])).toEqual([kept.id]);
  });

  it('sends again what it did not note as sent, and the first place is the one that counts', async () => {
    const fact = createFact(keyIn(0), 1);
    await write([fact]);
    let appends = 0;
    const relay = owner.startRelay({
      // As if the process had been killed: the append is done, and the connection with which to note it is gone.
      log: logWith(async (append) => {
        const offsets = await append();
        if (++appends === 1)
          await owner.admin.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'test owner'`,
          );
        return offsets;
      }),
    });
    await waitFor(async () => (await owner.outbox())[0]?.sent);
    expect((await readAll()).map((record) => [record.offset, record.headers['id']])).toEqual([
      [0, fact.id],
      [1, fact.id],
    ]);
    owner.startProjection({ relay });
    await waitFor(async () => (await owner.projectionRow(0))?.next === 2);
    expect(await owner.outbox()).toEqual([{ id: fact.id, position: positionOf(1, 0), sent: true }]);
    expect(await owner.applied()).toEqual([fact.id, fact.id]);
  });

  it('goes on when the log did not take something', async () => {
    const facts = [createFact(keyIn(0), 1), createFact(keyIn(1), 1)];
    await write(facts);
    let refusals = 0;
    owner.startRelay({ log: logWith((append) => (++refusals <= 2 ? Promise.reject(new Error('the log is away')) : append())) });
    await waitFor(async () => (await owner.outbox()).every((row) => row.sent));
    expect(new Set((await readAll()).map((record) => record.headers['id']))).toEqual(new Set(facts.map((fact) => fact.id)));
    expect(owner.log.text()).toContain('the log is away');
  });

  it('tells the position once the fact was read back', async () => {
    const fact = createFact(keyIn(1), 1);
    const relay = owner.startRelay();
    owner.startProjection({ relay });
    await write([fact]);
    const positions = await Promise.all([relay.waitForPosition(fact.id), relay.waitForPosition(fact.id), relay.waitForPosition(fact.id)]);
    expect(positions).toEqual([positionOf(1, 0), positionOf(1, 0), positionOf(1, 0)]);
    expect(offsetOf(positions[0] ?? -1)).toBe(0);
    expect(await relay.waitForPosition(fact.id)).toBe(positions[0]);
  });

  it('tells no position after 2 s without one', async () => {
    const fact = createFact(keyIn(1), 1);
    const relay = owner.startRelay();
    await write([fact]);
    const begun = performance.now();
    expect(await relay.waitForPosition(fact.id)).toBeUndefined();
    const took = performance.now() - begun;
    expect(took).toBeGreaterThan(1_900);
    expect(took).toBeLessThan(2_900);
  });

  it('sends a row again only when its position is not known 10 s later', async () => {
    const [settled, lost, recent] = [createFact(keyIn(0), 1), createFact(keyIn(0), 1), createFact(keyIn(0), 1)];
    await write([settled, lost, recent]);
    await owner.admin.query(`UPDATE owner.outbox SET sent_at = now() - interval '11 seconds' WHERE id = ANY($1)`, [[settled.id, lost.id]]);
    await owner.admin.query(`UPDATE owner.outbox SET position = 1, settled_at = now() WHERE id = $1`, [settled.id]);
    await owner.admin.query(`UPDATE owner.outbox SET sent_at = now() - interval '5 seconds' WHERE id = $1`, [recent.id]);
    owner.startRelay();
    await waitFor(async () => (await owner.events.endOffsets('conversations'))[0]);
    expect((await readAll()).map((record) => record.headers['id'])).toEqual([lost.id]);
  });

  it('forgets rows 10 minutes after they were settled', async () => {
    const [old, young, open] = [createFact(keyIn(0), 1), createFact(keyIn(0), 1), createFact(keyIn(0), 1)];
    await write([old, young, open]);
    await owner.admin.query('UPDATE owner.outbox SET position = 1, settled_at = now() WHERE id <> $1', [open.id]);
    await owner.admin.query(`UPDATE owner.outbox SET settled_at = now() - interval '11 minutes' WHERE id = $1`, [old.id]);
    owner.startRelay();
    await waitFor(async () => (await owner.outbox()).length === 2);
    expect(new Set((await owner.outbox()).map((row) => row.id))).toEqual(new Set([young.id, open.id]));
  });
});

describe('two relays of one schema', () => {
  it('work one at a time, and the other takes over', async () => {
    const appended: string[] = [];
    const named = (name: string) =>
      logWith(async (append, records) => {
        appended.push(...records.map(() => name));
        return append();
      });
    const first = owner.startRelay({ log: named('first') });
    await write([createFact(keyIn(0), 1)]);
    first.wake();
    await waitFor(async () => (await owner.outbox()).every((row) => row.sent));
    const second = owner.startRelay({ log: named('second'), pool: owner.openPool('owner') });
    const later = [1, 2, 3, 4, 5].map((rev) => createFact(keyIn(rev % 2), rev));
    for (const fact of later) {
      await write([fact]);
      first.wake();
      second.wake();
    }
    await waitFor(async () => (await owner.outbox()).every((row) => row.sent));
    const locks = await owner.admin.query(
      `SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(locks.rowCount).toBe(1);
    expect(appended).toEqual(['first', 'first', 'first', 'first', 'first', 'first']);
    await first.stop();
    await write([createFact(keyIn(0), 1)]);
    second.wake();
    await waitFor(async () => (await owner.outbox()).every((row) => row.sent));
    expect(appended.at(-1)).toBe('second');
  });

  it('do not hurry while the other works', async () => {
    const first = owner.startRelay();
    const fact = createFact(keyIn(0), 1);
    await write([fact]);
    await first.waitForPosition(fact.id);
    const pool = owner.openPool('owner');
    let connections = 0;
    pool.on('connect', () => connections++);
    const second = owner.startRelay({ pool });
    await waitFor(() => connections > 0);
    // It is woken, and asks for 2 s for a position that is not known: a few times a second is enough.
    await second.waitForPosition(fact.id);
    expect(connections).toBeLessThan(20);
  });
});
