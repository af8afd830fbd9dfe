import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

/** The key of the advisory lock that its owner holds on a database: "starling" in ASCII. */
const lockKey = '8319381555733163623';

const beatInterval = 5000;

/** The sole right to work on a database, for as long as its connection lives. */
export interface Ownership {
  /** The listener is called once if the ownership ends without release(); at once if it has already. */
  onLost(listener: () => void): void;
  /** From now on the end of the connection is no loss. */
  expectEnd(): void;
  release(): Promise<void>;
}

/** Another Starling owns the database. */
export interface Occupied {
  /** how the other one names itself, such as "pid 4711" */
  holder: string;
}

/** Tries to own the database for `patience` ms. Errors of the connection are thrown as they are. */
export async function takeOwnership(config: ClientConfig, patience: number): Promise<Ownership | Occupied> {
  const client = new Client({ ...config, application_name: `starling pid ${process.pid}`, keepAlive: true });
  let lost = false;
  let expected = false;
  let listener: (() => void) | undefined;
  const lose = () => {
    if (lost || expected) return;
    lost = true;
    clearInterval(beat);
    listener?.();
  };
  let beat: NodeJS.Timeout | undefined;
  client.on('error', lose);
  try {
    await client.connect();
    if (!(await tryLock(client, patience))) {
      const holder = await findHolder(client);
      expected = true;
      await client.end();
      return { holder };
    }
  } catch (error) {
    expected = true;
    await client.end().catch(() => undefined);
    throw error;
  }
  // A dead network ends no connection by itself, while the server may have given the lock away. Unanswered beats are counted, not timed:
  // a stopped process must not take its own pause for the server's silence.
  let unanswered = 0;
  beat = setInterval(() => {
    if (unanswered >= 3) {
      lose();
      client.end().catch(() => undefined);
      return;
    }
    unanswered += 1;
    client.query('SELECT 1').then(() => {
      unanswered = 0;
    }, lose);
  }, beatInterval);
  beat.unref();
  const expectEnd = () => {
    expected = true;
    clearInterval(beat);
  };
  return {
    onLost(called) {
      listener = called;
      if (lost) called();
    },
    expectEnd,
    async release() {
      expectEnd();
      await client.end().catch(() => undefined);
    },
  };
}

async function tryLock(client: Client, patience: number): Promise<boolean> {
  const deadline = Date.now() + patience;
  for (;;) {
    const { rows } = await client.query<{ owned: boolean }>(`SELECT pg_try_advisory_lock(${lockKey}) AS owned`);
    if (rows[0]?.owned) return true;
    if (Date.now() > deadline) return false;
    await delay(100);
  }
}

async function findHolder(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::int8 << 32) | l.objid::int8 = ${lockKey}`,
  );
  return rows[0]?.name.replace(/^starling /, '') || 'unknown';
}
