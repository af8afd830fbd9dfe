import { partitionOf, type Topic } from '@starling/contracts/log';
import type pg from 'pg';
import type { EventLog } from '../log/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { deleteSettled, markSent, selectPosition, selectUnsent } from './store.ts';

const IDLE_MS = 1_000;
const RETRY_MS = 500;
const BATCH = 500;
const CLEAN_EVERY_MS = 60_000;
/** Any number, the same in every process: the lock under which one relay of a schema works at a time. */
const RELAY_LOCK = 7_301;
/** How long a command waits for its fact to be read back, ms. */
const POSITION_WAIT_MS = 2_000;
const POSITION_POLL_MS = 100;

/**
 * Publishes what commands wrote into the outbox, in (key, rev) order and at least once: a row counts as published when
 * its own topic was read back and its position recorded.
 */
export class OutboxRelay {
  readonly #pool: pg.Pool;
  readonly #log: EventLog;
  readonly #topic: Topic;
  readonly #logger: Logger;
  readonly #settled = new Map<string, () => void>();
  #wake: () => void = () => {};
  #woken = false;
  #stopping = false;
  #running: Promise<void> | undefined;
  #cleaned = 0;

  constructor(options: { pool: pg.Pool; log: EventLog; topic: Topic; logger: Logger }) {
    this.#pool = options.pool;
    this.#log = options.log;
    this.#topic = options.topic;
    this.#logger = options.logger;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.wake();
    await this.#running;
  }

  /** There is something to send: to be called after the commit of a command. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** The projection has committed the positions of these rows. */
  notifySettled(ids: string[]): void {
    for (const id of ids) this.#settled.get(id)?.();
  }

  /** The position of a command's fact once it has been read back; `undefined` when that takes longer than 2 s. */
  async waitForPosition(id: string): Promise<number | undefined> {
    const deadline = Date.now() + POSITION_WAIT_MS;
    this.wake();
    while (!this.#stopping) {
      const settled = this.#nextSettled(id, Math.max(0, Math.min(POSITION_POLL_MS, deadline - Date.now())));
      const position = await selectPosition(this.#pool, id);
      if (position !== undefined || Date.now() >= deadline) {
        this.#settled.delete(id);
        return position;
      }
      await settled;
    }
    return undefined;
  }

  #nextSettled(id: string, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#settled.set(id, () => {
        clearTimeout(timer);
        this.#settled.delete(id);
        resolve();
      });
    });
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      let client: pg.PoolClient | undefined;
      let broken: Error | undefined;
      try {
        client = await this.#pool.connect();
        if (await tryLock(client)) await this.#relay(client);
      } catch (error) {
        broken = error as Error;
        if (!this.#stopping) this.#logger.warn({ error: broken.message }, 'the outbox could not be sent; it is tried again');
      } finally {
        // The lock belongs to the connection: one that goes back to the pool must not keep it.
        client?.release(broken ?? true);
      }
      // A wake-up does not shorten it: another relay sends what was written, or the database is away.
      if (!this.#stopping) await this.#pause(RETRY_MS, () => this.#stopping);
    }
  }

  async #relay(client: pg.PoolClient): Promise<void> {
    while (!this.#stopping) {
      this.#woken = false;
      const rows = await selectUnsent(client, BATCH);
      const byPartition = Map.groupBy(rows, (row) => partitionOf(row.key, this.#log.partitions[this.#topic]));
      await Promise.all(
        [...byPartition].map(async ([partition, part]) => {
          await this.#log.append(this.#topic, partition, part);
        }),
      );
      if (rows.length > 0)
        await markSent(
          client,
          rows.map((row) => row.id),
        );
      if (Date.now() - this.#cleaned > CLEAN_EVERY_MS) {
        this.#cleaned = Date.now();
        await deleteSettled(client);
      }
      if (rows.length < BATCH && !this.#woken) await this.#pause(IDLE_MS);
    }
  }

  #pause(milliseconds: number, over = () => this.#woken || this.#stopping): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        if (!over()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
  }
}

async function tryLock(client: pg.PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1, hashtext(current_schema())) AS locked', [
    RELAY_LOCK,
  ]);
  return rows[0]?.locked === true;
}
