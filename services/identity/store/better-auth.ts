import { AsyncLocalStorage } from 'node:async_hooks';
import { transaction } from '@starling/platform/db';
import type { Logger } from '@starling/platform/telemetry';
import { betterAuth } from 'better-auth';
import type pg from 'pg';

const SESSION_SECONDS = 30 * 86_400;

/**
 * Better Auth's own operations on users, accounts and sessions, without its endpoints. Everything that `work` does with
 * them, and with `tx`, is one transaction.
 */
export interface BetterAuth {
  transaction<T>(work: (tx: pg.PoolClient, records: Records) => Promise<T>): Promise<T>;
  /** In a transaction that the caller has begun. */
  within<T>(tx: pg.PoolClient, work: (records: Records) => Promise<T>): Promise<T>;
}

type Records = Awaited<ReturnType<typeof configure>['$context']>['internalAdapter'];

/**
 * Better Auth on this service's own pool. It serves no HTTP, and none of its endpoints is called: its sign-in begins a
 * session before a second factor was asked for, keeps session tokens as they are, and its transactions cannot be shared.
 * What is left is its model of users, accounts and sessions, on the connection of our transaction.
 */
export function createBetterAuth(options: { db: pg.Pool; secret: string; logger: Logger }): BetterAuth {
  const current = new AsyncLocalStorage<pg.PoolClient>();
  const auth = configure(options, {
    async connect() {
      const tx = current.getStore();
      if (!tx) throw new Error('Better Auth was called outside of a transaction');
      return { query: (text: string, values: unknown[]) => tx.query(text, values), release() {} };
    },
    async end() {},
  });
  async function within<T>(tx: pg.PoolClient, work: (records: Records) => Promise<T>): Promise<T> {
    const { internalAdapter } = await auth.$context;
    return current.run(tx, () => work(internalAdapter));
  }
  return { within, transaction: (work) => transaction(options.db, (tx) => within(tx, (records) => work(tx, records))) };
}

function configure(options: { secret: string; logger: Logger }, pool: object) {
  return betterAuth({
    // Nothing is served there: it keeps Better Auth from guessing.
    baseURL: 'http://identity.invalid',
    secret: options.secret,
    database: pool as pg.Pool,
    session: { expiresIn: SESSION_SECONDS, cookieCache: { enabled: false } },
    user: { additionalFields: { role: { type: 'string', input: false }, disabled: { type: 'boolean', input: false } } },
    // Its tables are ours to migrate, and it is only ever connected within a transaction.
    advanced: { database: { generateId: 'uuid', validateSchema: false } },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Its other levels name email addresses, and so do the causes that it passes along.
    logger: { level: 'error', log: (_level, message) => options.logger.error({ from: 'better-auth' }, message) },
  });
}
