import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { isTransient, isUniqueViolation } from './errors.ts';
import { createPool } from './pool.ts';
import { transaction } from './transaction.ts';

let database: TestDatabase;
let admin: pg.Client;
const pools: pg.Pool[] = [];
let log: ReturnType<typeof createTestLogger>;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
});
beforeEach(async () => {
  log = createTestLogger();
  await admin.query('DROP TABLE IF EXISTS thing; CREATE TABLE thing (n int CONSTRAINT only_once UNIQUE)');
});
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));
afterAll(async () => {
  await admin.end();
  await database.drop();
});

function openPool(options: { url?: string; max?: number } = {}): pg.Pool {
  const pool = createPool({ url: options.url ?? database.url, logger: log.logger, max: options.max ?? 4, applicationName: 'under test' });
  pools.push(pool);
  return pool;
}

const count = async () => Number((await admin.query<{ count: string }>('SELECT count(*) FROM thing')).rows[0]?.count);
const kill = () =>
  admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'under test'`,
  );

async function errorOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => expect.fail('it did not fail'),
    (error: Error) => error,
  );
}

/** A way to the database that can be cut. */
async function openGate(): Promise<{ url: string; cut(): void; server: Server }> {
  const target = new URL(database.url);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    for (const end of [socket, upstream]) {
      sockets.add(end);
      end.on('error', () => {});
    }
    socket.pipe(upstream).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(database.url);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    server,
    cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('a transaction', () => {
  it('is committed when its work is done', async () => {
    const pool = openPool();
    expect(await transaction(pool, async (tx) => (await tx.query('INSERT INTO thing VALUES (1)')).rowCount)).toBe(1);
    expect(await count()).toBe(1);
  });

  it('is rolled back when its work fails, with the error of the work, and gives its connection back', async () => {
    const pool = openPool({ max: 1 });
    const failure = new Error('no');
    for (const fail of [() => Promise.reject(failure), () => Promise.reject(failure)]) {
      const error = await errorOf(
        transaction(pool, async (tx) => {
          await tx.query('INSERT INTO thing VALUES (1)');
          await fail();
        }),
      );
      expect(error).toBe(failure);
    }
    const broken = await errorOf(transaction(pool, (tx) => tx.query('INSERT INTO thing VALUES (1); SELECT nonsense')));
    expect(broken.message).toContain('nonsense');
    expect(await count()).toBe(0);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(pool.totalCount).toBe(1);
  });

  it('sees one state of the database when it is asked to', async () => {
    const pool = openPool();
    const seen = async (isolation: 'READ COMMITTED' | 'REPEATABLE READ') =>
      transaction(
        pool,
        async (tx) => {
          const before = (await tx.query('SELECT FROM thing')).rowCount;
          await admin.query(`INSERT INTO thing SELECT coalesce(max(n), 0) + 1 FROM thing`);
          return ((await tx.query('SELECT FROM thing')).rowCount ?? 0) - (before ?? 0);
        },
        isolation,
      );
    expect(await seen('READ COMMITTED')).toBe(1);
    expect(await seen('REPEATABLE READ')).toBe(0);
  });

  it('whose connection is killed fails, for now; the process and the pool live on', async () => {
    const pool = openPool({ max: 2 });
    const error = await errorOf(
      transaction(pool, async (tx) => {
        await tx.query('INSERT INTO thing VALUES (1)');
        await kill();
        // Nothing is under way on the connection: its end is heard of from nowhere but an event.
        await waitFor(
          async () =>
            (await admin.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'under test'`))
              .rowCount === 0,
        );
        await tx.query('INSERT INTO thing VALUES (2)');
      }),
    );
    expect(isTransient(error)).toBe(true);
    const during = errorOf(transaction(pool, (tx) => tx.query('SELECT pg_sleep(20)')));
    await waitFor(
      async () =>
        (await admin.query(`SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND application_name = 'under test'`)).rowCount,
    );
    await kill();
    expect(isTransient(await during)).toBe(true);
    expect(await count()).toBe(0);
    expect(await transaction(pool, async (tx) => (await tx.query('INSERT INTO thing VALUES (3)')).rowCount)).toBe(1);
  });
});

describe('a pool', () => {
  it('survives the loss of its idle connections, and says so', async () => {
    const pool = openPool();
    await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')]);
    await kill();
    await waitFor(() => pool.totalCount === 0);
    expect(log.entries()[0]).toMatchObject({ msg: 'an idle database connection was lost' });
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('reads int8 as a number, and refuses one that a number does not hold', async () => {
    const pool = openPool();
    const read = async (text: string) => (await pool.query(`SELECT ${text}::int8 AS n`)).rows[0] as unknown;
    for (const n of [0, 1, -1, 2 ** 43, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) expect(await read(String(n))).toEqual({ n });
    expect(await read('NULL')).toEqual({ n: null });
    for (const text of ['9007199254740992', '-9007199254740992', '9223372036854775807'])
      await expect(read(text)).rejects.toThrow(RangeError);
    const { rows } = await pool.query({ text: 'SELECT $1::int8 AS n, $2::int4 AS m', values: [7, 8] });
    expect(rows).toEqual([{ n: 7, m: 8 }]);
    expect((await pool.query('SELECT count(*) AS n FROM thing')).rows).toEqual([{ n: 0 }]);
  });
});

describe('an error', () => {
  it('of a database that is not reached may go away by itself', async () => {
    const gate = await openGate();
    const pool = openPool({ url: gate.url, max: 1 });
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    const during = errorOf(pool.query('SELECT pg_sleep(20)'));
    await waitFor(
      async () =>
        (await admin.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(20)'`))
          .rowCount,
    );
    gate.cut();
    expect(isTransient(await during)).toBe(true);
    const refused = await errorOf(pool.query('SELECT 1'));
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
    expect(isTransient(refused)).toBe(true);
    const localhost = await errorOf(openPool({ url: gate.url.replace('127.0.0.1', 'localhost') }).query('SELECT 1'));
    expect(isTransient(localhost)).toBe(true);
  });

  it('of two transactions that stood in each other’s way may go away by itself', async () => {
    const pool = openPool();
    await pool.query('INSERT INTO thing VALUES (1), (2)');
    const update = (tx: pg.PoolClient, n: number) => tx.query('UPDATE thing SET n = n WHERE n = $1', [n]);
    let met = 0;
    const both = [1, 2].map((first) =>
      transaction(pool, async (tx) => {
        await update(tx, first);
        met++;
        await waitFor(() => met === 2);
        await update(tx, 3 - first);
      }),
    );
    const results = await Promise.allSettled(both);
    const [lost, ...others] = results.filter((result) => result.status === 'rejected');
    expect(others).toEqual([]);
    expect([lost?.reason.code, isTransient(lost?.reason)]).toEqual(['40P01', true]);
    const stale = await errorOf(
      transaction(
        pool,
        async (tx) => {
          await tx.query('SELECT FROM thing');
          await admin.query('UPDATE thing SET n = 9 WHERE n = 1');
          await update(tx, 1);
        },
        'REPEATABLE READ',
      ),
    );
    expect([(stale as pg.DatabaseError).code, isTransient(stale)]).toEqual(['40001', true]);
  });

  it('of the statement itself stays', async () => {
    const pool = openPool();
    await pool.query('INSERT INTO thing VALUES (1)');
    const twice = await errorOf(pool.query('INSERT INTO thing VALUES (1)'));
    expect(isTransient(twice)).toBe(false);
    expect([isUniqueViolation(twice, 'only_once'), isUniqueViolation(twice, 'another')]).toEqual([true, false]);
    for (const statement of ['SELECT nonsense', 'SELECT 1 / 0', "SELECT 'x'::int"]) {
      const error = await errorOf(pool.query(statement));
      expect([isTransient(error), isUniqueViolation(error, 'only_once')]).toEqual([false, false]);
    }
    for (const other of [new Error('no'), new TypeError('x is not a function'), undefined, null, 'ECONNREFUSED', { code: 'ECONNREFUSED' }])
      expect(isTransient(other)).toBe(false);
  });
});
