import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { checkHistory } from '@starling/testing/history';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChaosPerson } from './chaos-person.ts';
import { type SeverableProxy, startSeverableProxy } from './severable-proxy.ts';

/** How long broker and database are away; `npm run test:chaos` asks for the long ones. */
const [BROKER_AWAY_MS, DATABASE_AWAY_MS] = process.env['CHAOS_SECONDS'] === undefined ? [8_000, 6_000] : [30_000, 20_000];

await describeWithOwnBrokers('outages', { count: 1 }, (brokers) => {
  let database: TestDatabase;
  let proxy: SeverableProxy;
  let services: StarlingServices;
  let ann: ChaosPerson;
  let bob: ChaosPerson;
  let group: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    const url = new URL(database.url);
    proxy = await startSeverableProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: url.href, delivery: 2 });
    [ann, bob] = [new ChaosPerson(services.url, 'ann'), new ChaosPerson(services.url, 'bob')];
    await ann.signUp('Ann');
    await bob.signUp('Bob');
    group = await waitFor(() => ann.createGroup('Pair', [bob.id]));
    for (const person of [ann, bob]) {
      await waitFor(() => person.load(1));
      person.start();
      await waitFor(() => person.live);
    }
  }, 240_000);
  afterAll(async () => {
    ann?.stop();
    bob?.stop();
    await services?.stop();
    await proxy?.close();
    await database?.drop();
  }, 60_000);

  const received = (person: ChaosPerson) => person.sessions.flatMap((session) => session.received.map((read) => read.body));

  async function expectSound(): Promise<void> {
    const operations = [...ann.operations, ...bob.operations];
    expect(operations.map((operation) => operation.outcome)).toEqual(operations.map(() => 'ok'));
    const last = Math.max(...operations.map((operation) => operation.position ?? -1));
    await waitFor(() => [ann, bob].every((person) => person.hasReached(new Map([[group, last]]))), { deadline: 30_000 });
    const final = await waitFor(
      async () => {
        const reads = await ann.readHistory(group);
        return (reads.at(-1)?.position ?? -1) >= last && reads;
      },
      { deadline: 30_000 },
    );
    expect(final).toHaveLength(operations.length);
    expect(checkHistory({ operations, sessions: [...ann.sessions, ...bob.sessions], final })).toEqual([]);
  }

  it(
    'of the broker: what was sent is not known, sockets stay, reading goes on, and all recovers by itself',
    async () => {
      await ann.send(group, 'before');
      // History follows the log: what it had not read when the broker went, it reads when the broker is back.
      await waitFor(async () => (await bob.readHistory(group)).length === 1);
      const sessions = ann.sessions.length + bob.sessions.length;
      await brokers.kill(0);
      const away = Date.now() + BROKER_AWAY_MS;
      const sends: Promise<void>[] = [];
      try {
        for (let number = 0; Date.now() < away; number++) {
          sends.push(ann.send(group, `while the broker was away ${number}`));
          const history = await bob.readHistory(group);
          expect(history.map((read) => read.body)).toEqual(['before']);
          await new Promise((resolve) => setTimeout(resolve, 1_000));
        }
        expect(ann.operations.filter((operation) => operation.outcome === 'ok')).toHaveLength(1);
        expect(ann.sessions.length + bob.sessions.length).toBe(sessions);
      } finally {
        await brokers.restart(0);
      }
      await Promise.all(sends);
      await expectSound();
    },
    BROKER_AWAY_MS + 120_000,
  );

  it(
    'of the database: connected people go on talking, and history catches up',
    async () => {
      await waitFor(() => ann.live && bob.live);
      proxy.cut();
      const away = Date.now() + DATABASE_AWAY_MS;
      for (let number = 0; Date.now() < away; number++) {
        const body = `while the database was away ${number}`;
        await bob.send(group, body);
        await waitFor(() => received(ann).includes(body));
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      proxy.mend();
      await expectSound();
    },
    DATABASE_AWAY_MS + 120_000,
  );
});
