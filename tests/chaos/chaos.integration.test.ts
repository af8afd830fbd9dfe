import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { checkHistory } from '@starling/testing/history';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChaosPerson } from './chaos-person.ts';

/** A short run belongs to `npm test`; `npm run test:chaos` sets a long one. */
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 20);
const PEOPLE = 50;
const GROUPS = 10;
const MESSAGES_PER_SECOND = 100;
const FAULT_EVERY_MS = 6_000;

await describeWithOwnBrokers('posts under faults', { count: 1 }, (brokers) => {
  let database: TestDatabase;
  let services: StarlingServices;
  const people: ChaosPerson[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, delivery: 2 });
    for (let index = 0; index < PEOPLE; index++) people.push(new ChaosPerson(services.url, `person${index}`));
    for (const [index, person] of people.entries()) await person.signUp(`Person ${index}`);
    for (let group = 0; group < GROUPS; group++) {
      // Each person is in two groups of ten.
      const [creator, ...others] = people.filter((_, index) => index % GROUPS === group || (index + 5) % GROUPS === group);
      const ids = others.map((member) => member.id);
      await waitFor(() => creator?.createGroup(`Group ${group}`, ids));
    }
    for (const person of people) {
      await waitFor(() => person.load(2));
      person.start();
    }
  }, 240_000);
  afterAll(async () => {
    for (const person of people) person.stop();
    await services?.stop();
    await database?.drop();
  }, 60_000);

  it(
    'are never lost, doubled or out of order, and every resume is the exact suffix',
    async () => {
      const faults: string[] = [];
      const until = Date.now() + SECONDS * 1_000;
      const faulting = (async () => {
        for (let round = 0; Date.now() < until - FAULT_EVERY_MS; round++) {
          await pause(FAULT_EVERY_MS * (0.5 + Math.random() / 2));
          const pod = `delivery-${1 + Math.floor(Math.random() * 2)}`;
          const fault = round % 4 === 3 ? 'restart of the broker' : round % 2 === 0 ? `kill -9 of ${pod}` : `SIGSTOP of ${pod}`;
          faults.push(fault);
          if (fault.startsWith('kill')) {
            services.kill(pod);
            await services.waitReady(pod);
          } else if (fault.startsWith('SIGSTOP')) {
            const pid = services.pidOf(pod);
            process.kill(pid, 'SIGSTOP');
            await pause(2_000 + Math.random() * 4_000);
            process.kill(pid, 'SIGCONT');
          } else await brokers.restart(0);
        }
      })();
      let sent = 0;
      while (Date.now() < until) {
        const person = people[Math.floor(Math.random() * PEOPLE)] as ChaosPerson;
        const conversation = person.conversations[sent % 2] as string;
        void person.send(conversation, `message ${sent++}`);
        await pause(1_000 / MESSAGES_PER_SECOND);
      }
      await faulting;
      await waitFor(() => people.every((person) => person.outstanding === 0), { deadline: 60_000, describe: 'every outcome to be known' });

      const conversations = [...new Set(people.flatMap((person) => person.conversations))];
      const reader = (conversation: string) => people.find((person) => person.conversations.includes(conversation)) as ChaosPerson;
      const acked = new Map<string, number>();
      for (const { conversation, position } of people.flatMap((person) => person.operations)) {
        acked.set(conversation, Math.max(acked.get(conversation) ?? -1, position ?? -1));
      }
      await waitFor(() => people.every((person) => person.hasReached(acked)), {
        deadline: 60_000,
        describe: 'every socket to have everything',
      });
      const final = (
        await waitFor(
          async () => {
            const reads = await Promise.all(conversations.map((conversation) => reader(conversation).readHistory(conversation)));
            const isComplete = reads.every(
              (read, index) => (read.at(-1)?.position ?? -1) >= (acked.get(conversations[index] as string) ?? -1),
            );
            return isComplete && reads;
          },
          { deadline: 60_000, describe: 'the history to catch up' },
        )
      ).flat();
      for (const person of people) person.stop();

      const operations = people.flatMap((person) => person.operations);
      const count = (outcome: string) => operations.filter((operation) => operation.outcome === outcome).length;
      console.log(
        `${SECONDS} s, ${operations.length} posts (${count('ok')} ok, ${count('refused')} refused, ${count('unknown')} unknown), ${people.flatMap((person) => person.sessions).length} sockets, faults: ${faults.join(', ') || 'none'}`,
      );
      expect(checkHistory({ operations, sessions: people.flatMap((person) => person.sessions), final })).toEqual([]);
      expect(count('ok')).toBeGreaterThan(SECONDS * MESSAGES_PER_SECOND * 0.3);
      expect(count('refused')).toBe(0);
    },
    SECONDS * 1_000 + 240_000,
  );
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
