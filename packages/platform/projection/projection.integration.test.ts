import { randomUUID } from 'node:crypto';
import { positionOf, WINDOW } from '@starling/contracts/log';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { transaction } from '../db/index.ts';
import type { LogRecord } from '../log/index.ts';
import { insertRecords } from '../log/postgres/statements.ts';
import { insertFacts } from '../outbox/index.ts';
import type { CountedRecord } from './projection.ts';
import { insertFailed, selectNextOffsets, storableId } from './store.ts';
import { createFact, factRecord, insertApplied, keyIn, openTestOwner, postRecord, type TestOwner } from './test-owner.ts';

let owner: TestOwner;
const key = keyIn(0);
beforeEach(async () => {
  owner = await openTestOwner();
});
afterEach(() => owner.close());

/** Appends facts to partition 0 and returns their ids. */
async function appendFacts(count: number): Promise<string[]> {
  const records = Array.from({ length: count }, () => factRecord(key));
  await owner.events.append('conversations', 0, records);
  return records.map((record) => record.headers['id'] ?? '');
}

const reached = (next: number, partition = 0) => waitFor(async () => (await owner.projectionRow(partition))?.next === next);

describe('a projection', () => {
  it('applies each record once, in order, and says how far it is', async () => {
    const ids = await appendFacts(3);
    const records: CountedRecord[] = [];
    const projection = owner.startProjection({
      async apply(tx, more) {
        records.push(...more);
        await insertApplied(tx, more);
      },
    });
    expect(await projection.waitFor(0, 3, 5_000)).toBe(true);
    expect(await owner.applied()).toEqual(ids);
    expect(await owner.projectionRow(0)).toEqual({ next: 3, id: ids[2] });
    expect(records.map(({ position, partition, parsed }) => [position, partition, parsed.kind])).toEqual(
      [0, 1, 2].map((offset) => [positionOf(1, offset), 0, 'conversation.updated']),
    );
    expect(await projection.waitFor(0, 4, 100)).toBe(false);
    const waiting = projection.waitFor(0, 4, 5_000);
    const changed = projection.nextChange(0, 5_000);
    await appendFacts(1);
    expect(await waiting).toBe(true);
    await changed;
    expect(await selectNextOffsets(owner.pool, owner.events, 'conversations')).toEqual([4, 0]);
    expect(projection.halted).toBeUndefined();
  });

  it('has all of a batch or nothing, when applying it fails half way for a reason that goes away', async () => {
    const ids = await appendFacts(4);
    let attempts = 0;
    const seen: number[] = [];
    const projection = owner.startProjection({
      async apply(tx, records) {
        attempts++;
        for (const record of records) {
          await insertApplied(tx, [record]);
          seen.push((await owner.applied()).length);
          if (attempts <= 3 && record.offset === 2) throw Object.assign(new Error('too many connections'), { code: '53300' });
        }
      },
    });
    expect(await projection.waitFor(0, 4, 10_000)).toBe(true);
    expect(attempts).toBe(4);
    expect(new Set(seen)).toEqual(new Set([0]));
    expect(await owner.applied()).toEqual(ids);
    expect((await owner.admin.query('SELECT FROM owner.failed_record')).rowCount).toBe(0);
  });

  it('is not moved on by what it did when its connection was lost before the commit', async () => {
    const ids = await appendFacts(2);
    let attempts = 0;
    owner.startProjection({
      async apply(tx, records) {
        await insertApplied(tx, records);
        if (++attempts === 1)
          await owner.admin.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'test owner'`,
          );
      },
    });
    await reached(2);
    expect(attempts).toBeGreaterThan(1);
    expect(await owner.applied()).toEqual(ids);
  });

  it('keeps also what the database cannot store, as far as it can', async () => {
    const headers = { id: 'a\0b', kind: 'conversation.updated', level: '1', more: '\ud800\0' };
    const strange: LogRecord = { ...factRecord(key), key: 'k\0', headers, topic: 'conversations', partition: 0, offset: 0, at: 1 };
    await transaction(owner.pool, (tx) => insertFailed(tx, 1, strange, new Error('it \0 cannot be applied')));
    const { rows } = await owner.admin.query('SELECT key, headers, error FROM owner.failed_record');
    expect(rows).toEqual([
      { key: 'k\ufffd', headers: { ...headers, id: 'a\ufffdb', more: '\ufffd\ufffd' }, error: 'it \ufffd cannot be applied' },
    ]);
    expect(storableId(strange)).toBe('a\ufffdb');
  });

  it('puts a record aside that cannot be applied, with all of it, and goes on', async () => {
    const ids = await appendFacts(4);
    const projection = owner.startProjection({
      async apply(tx, records) {
        await insertApplied(tx, records);
        if (records.some((record) => record.offset === 1)) throw new TypeError('x is undefined');
        if (records.some((record) => record.offset === 2)) await tx.query(`SELECT 'x'::int`);
      },
    });
    expect(await projection.waitFor(0, 4, 5_000)).toBe(true);
    expect(await owner.applied()).toEqual([ids[0], ids[3]]);
    const { rows } = await owner.admin.query(
      `SELECT topic, partition, "offset"::int AS place, key, headers, convert_from(value, 'UTF8') AS value, error FROM owner.failed_record ORDER BY "offset"`,
    );
    expect(rows).toEqual([
      {
        topic: 'conversations',
        partition: 0,
        place: 1,
        key,
        headers: factRecord(key, ids[1]).headers,
        value: '{}',
        error: 'x is undefined',
      },
      {
        topic: 'conversations',
        partition: 0,
        place: 2,
        key,
        headers: factRecord(key, ids[2]).headers,
        value: '{}',
        error: expect.stringContaining('invalid input syntax'),
      },
    ]);
    expect(owner.log.entries().filter((entry) => entry['msg'] === 'a record could not be applied; it was put aside')).toHaveLength(2);
    expect(projection.halted).toBeUndefined();
  });

  it('goes on where it was, and takes what lies behind in without applying it again', async () => {
    const ids = await appendFacts(3);
    const first = owner.startProjection();
    await reached(3);
    await first.stop();
    const post = postRecord(key, { asOf: 0 });
    await owner.events.append('conversations', 0, [post]);
    const applied: number[] = [];
    owner.startProjection({
      async apply(tx, records) {
        applied.push(...records.map((record) => record.offset));
        await insertApplied(tx, records);
      },
    });
    await reached(4);
    // The post refers to what lies behind: it could not have been judged otherwise.
    expect(applied).toEqual([3]);
    expect(await owner.applied()).toEqual([...ids, post.headers['id']]);
  });

  it('applies facts and valid posts, and neither void posts nor bad headers', async () => {
    const [one, again, other, bad, fact] = [
      postRecord(key, { asOf: -1 }),
      postRecord(key, { asOf: -1 }),
      postRecord(key, { asOf: -1, client: 'c2' }),
      factRecord(key, randomUUID(), { level: 'x' }),
      factRecord(key),
    ];
    await owner.events.append('conversations', 0, [one, again, other, bad, fact]);
    owner.startProjection();
    await reached(5);
    expect(await owner.applied()).toEqual([one, other, fact].map((record) => record.headers['id']));
  });

  it('stores where the facts of its own outbox came to stand, even of one that it put aside', async () => {
    const relay = owner.startRelay();
    const facts = [createFact(key, 1), createFact(key, 2)];
    owner.startProjection({
      relay,
      apply: async (_tx, records) => {
        if (records.some((record) => record.parsed.id === facts[1]?.id)) throw new Error('a bug');
      },
    });
    await owner.events.append('conversations', 0, [factRecord(key), postRecord(key, { asOf: 0 })]);
    await transaction(owner.pool, (tx) => insertFacts(tx, facts));
    expect(await Promise.all(facts.map((fact) => relay.waitForPosition(fact.id)))).toEqual([positionOf(1, 2), positionOf(1, 3)]);
  });

  it('is not stopped by a fact that no outbox can have written', async () => {
    const relay = owner.startRelay();
    const projection = owner.startProjection({ relay });
    const fact = factRecord(key, 'not-a-uuid');
    await owner.events.append('conversations', 0, [fact, factRecord(key)]);
    expect(await projection.waitFor(0, 2, 3_000)).toBe(true);
    expect((await owner.applied())[0]).toBe('not-a-uuid');
  });

  it('shares its work with another process: each record is applied once', async () => {
    const other = await owner.openLog();
    for (const log of [owner.events, other]) owner.startProjection({ log });
    const ids: string[] = [];
    const overtaken = () => owner.log.text().includes('another process has projected this partition');
    // Until both were at the same records, and one of them came too late.
    await waitFor(async () => {
      ids.push(...(await appendFacts(2)));
      await other.endOffsets('conversations');
      return overtaken();
    });
    await reached(ids.length);
    // Whoever was overtaken goes on from where the other is.
    ids.push(...(await appendFacts(1)));
    await other.endOffsets('conversations');
    await reached(ids.length);
    expect(await owner.applied()).toEqual(ids);
  });
});

describe('a projection of another log', () => {
  async function startAt(row: { next: number; id: string | null }) {
    await owner.admin.query(`INSERT INTO owner.projection VALUES ('conversations', 0, $1, $2)`, [row.next, row.id]);
    const projection = owner.startProjection();
    await appendFacts(1);
    await owner.events.append('conversations', 1, [factRecord(keyIn(1))]);
    return projection;
  }

  it('stops when another record stands where it was, and only that partition', async () => {
    await appendFacts(2);
    const projection = await startAt({ next: 2, id: randomUUID() });
    expect(await waitFor(() => projection.halted)).toBe(
      'partition 0 of conversations: another record than the projected one stands at offset 1',
    );
    expect(await projection.waitFor(1, 1, 5_000)).toBe(true);
    expect(await projection.waitFor(0, 3, 200)).toBe(false);
    expect((await owner.applied()).length).toBe(1);
    expect(owner.log.entries().some((entry) => entry['level'] === 60)).toBe(true);
  });

  it('stops when the log ends before it', async () => {
    const projection = await startAt({ next: 7, id: randomUUID() });
    expect(await waitFor(() => projection.halted)).toMatch(/^partition 0 of conversations: offset 7 comes next, but the log ends at \d$/);
    expect(await projection.waitFor(1, 1, 5_000)).toBe(true);
    expect((await owner.projectionRow(0))?.next).toBe(7);
  });

  it('stops when the log begins after it', async () => {
    await appendFacts(3);
    await owner.admin.query(
      `DELETE FROM log.log_record WHERE partition = 0 AND "offset" < 2; UPDATE log.log_head SET low = 2 WHERE topic = 'conversations' AND partition = 0`,
    );
    const projection = await startAt({ next: 1, id: null });
    expect(await waitFor(() => projection.halted)).toBe('partition 0 of conversations: offset 1 comes next, but the log begins at 2');
    expect(await projection.waitFor(1, 1, 5_000)).toBe(true);
  });

  it('does not stop when the log begins exactly where it is', async () => {
    await appendFacts(3);
    await owner.admin.query(
      `DELETE FROM log.log_record WHERE partition = 0 AND "offset" < 2; UPDATE log.log_head SET low = 2 WHERE topic = 'conversations' AND partition = 0`,
    );
    const projection = await startAt({ next: 2, id: randomUUID() });
    expect(await projection.waitFor(0, 4, 5_000)).toBe(true);
    expect(projection.halted).toBeUndefined();
  });

  it('compares with the right record when more than a window lies behind', async () => {
    const last = randomUUID();
    const records = Array.from({ length: WINDOW + 10 }, (_, offset) => factRecord(key, offset === WINDOW + 9 ? last : randomUUID()));
    await insertRecords(owner.openPool('log'), 'conversations', 0, records, 0);
    const projection = await startAt({ next: WINDOW + 10, id: last });
    expect(await projection.waitFor(0, WINDOW + 11, 10_000)).toBe(true);
    expect(projection.halted).toBeUndefined();
    expect((await owner.applied()).length).toBe(2);
  });
});

describe('a record of newer rules', () => {
  it('stops its partition before it, for good', async () => {
    const ids = await appendFacts(2);
    const projection = owner.startProjection();
    await reached(2);
    await owner.events.append('conversations', 0, [factRecord(key, randomUUID(), { level: '2' }), factRecord(key)]);
    expect(await waitFor(() => projection.halted)).toBe(
      'partition 0 of conversations: offset 2 is of rules level 2, and this version knows 1',
    );
    await appendFacts(1);
    await owner.events.append('conversations', 1, [factRecord(keyIn(1))]);
    expect(await projection.waitFor(1, 1, 5_000)).toBe(true);
    expect((await owner.projectionRow(0))?.next).toBe(2);
    expect((await owner.applied()).slice(0, 2)).toEqual(ids);
    expect((await owner.applied()).length).toBe(3);
  });
});
