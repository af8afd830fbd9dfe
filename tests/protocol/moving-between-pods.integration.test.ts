import { randomInt } from 'node:crypto';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { systemClock } from '@starling/platform/clock';
import { createTopics, openKafkaLog } from '@starling/platform/log/kafka';
import { createLogger } from '@starling/platform/telemetry';
import { describeWithBrokers } from '@starling/testing/brokers';
import { checkHistory, type Read } from '@starling/testing/history';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Chat, type Person, startChat } from './harness.ts';
import { createRoamingClient, type RoamingClient } from './roaming-client.ts';

const CLIENTS = 60;
const DRAIN_SECONDS = 3;
const POST_EVERY_MS = 20;

await describeWithBrokers('sockets that move between two pods on Kafka', (kafka) => {
  let chat: Chat;
  let people: Person[];
  let group: string;
  let clients: RoamingClient[];
  let posting: NodeJS.Timeout | undefined;
  let sent = 0;

  /** The load balancer: any pod that is ready, by chance. */
  let choosePod = () => {
    const ready = [0, 1].filter((pod) => chat.pods[pod]?.unready?.().length === 0);
    return ready[Math.floor(Math.random() * ready.length)] ?? 0;
  };
  const balance = choosePod;

  beforeAll(async () => {
    const partitions = { conversations: 2, receipts: 2, users: 2 };
    const connection = { brokers: kafka.brokers, clientId: 'test', logger: createLogger({ service: 'test', level: 'fatal' }) };
    const epoch = randomInt(1, 1024);
    await createTopics({ ...connection, epoch, partitions });
    chat = await startChat({
      pods: 2,
      deliveryConfig: { drainSeconds: DRAIN_SECONDS },
      openLog: () => openKafkaLog({ ...connection, epoch, partitions, clock: systemClock }),
    });
    people = [await chat.signUp('Ann'), await chat.signUp('Bob')];
    const [ann, bob] = people as [Person, Person];
    group = (await ann.createGroup('Movers', [bob])).id;
    choosePod = () => 0;
    clients = Array.from({ length: CLIENTS }, (_, index) =>
      createRoamingClient(chat, people[index % 2] as Person, group, () => choosePod()),
    );
    for (const { client } of clients) client.start();
    await waitFor(() => clients.every(({ states }) => states.has('live')), { deadline: 30_000 });
    choosePod = balance;
    posting = setInterval(() => clients[sent % 2]?.send(group, `message ${sent++}`), POST_EVERY_MS);
  }, 120_000);
  afterAll(async () => {
    clearInterval(posting);
    for (const { client } of clients ?? []) client.stop();
    await chat?.stop();
  });

  const countOf = async (pod: number) =>
    (JSON.parse((await chat.pods[pod]?.sideRoutes?.()['/load']?.(new URLSearchParams()))?.text ?? '') as { connections: number })
      .connections;
  const counts = async () => [await countOf(0), await countOf(1)] as [number, number];

  it('become even by the beats when there is another pod, without being away', async () => {
    expect(await counts()).toEqual([CLIENTS, 0]);
    await waitFor(
      async () => {
        const [one, other] = await counts();
        return one + other === CLIENTS && Math.max(one, other) <= 1.5 * Math.min(one, other);
      },
      { deadline: 60_000, describe: 'the pods to be even' },
    );
    for (const { states } of clients) expect([...states]).toEqual(['live']);
  }, 70_000);

  it('go to the other pod within the time of a drain, without being away', async () => {
    const old = await (people[0] as Person).connect(undefined, 0);
    await old.find('live');
    const begun = performance.now();
    await chat.pods[0]?.drain();
    expect(performance.now() - begun).toBeLessThan(DRAIN_SECONDS * 1_000 + 500);
    await waitFor(async () => (await countOf(0)) === 0);
    await waitFor(async () => (await countOf(1)) === CLIENTS);
    for (const { states, closes, pods } of clients) {
      expect([...states]).toEqual(['live']);
      expect(closes).not.toContain(CLOSE_CODES.restarting.code);
      expect(pods.at(-1)).toBe(1);
    }
    // One that does not know the hint is told by the close code.
    expect(await old.waitClosed()).toMatchObject({ code: CLOSE_CODES.restarting.code });
    expect(old.frames.at(-1)?.type).not.toBe('resync');
    expect(old.frames.filter(({ type }) => type === 'reconnect')).toHaveLength(1);
  }, 30_000);

  it('lose and double nothing of what is posted meanwhile', async () => {
    clearInterval(posting);
    const operations = () => clients.flatMap((each) => each.operations);
    await waitFor(() => operations().every(({ outcome }) => outcome !== 'unknown'), { deadline: 30_000 });
    expect(operations().length).toBeGreaterThan(200);
    expect(operations().filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    const last = Math.max(...operations().map(({ position = -1 }) => position));
    await waitFor(() => clients.every(({ sessions }) => (sessions.at(-1)?.complete.get(group) ?? 0) > last), { deadline: 30_000 });
    const final: Read[] = [];
    for (let from = 0; final.at(-1)?.position !== last; from = (final.at(-1)?.position ?? -1) + 1) {
      const page = await (people[0] as Person).call('GET', `/v1/conversations/${group}/messages?limit=200&from=${from}&after=${last}`);
      expect(page).toMatchObject({ status: 200, body: { messages: expect.arrayContaining([expect.anything()]) } });
      final.push(...page.body.messages);
    }
    expect(checkHistory({ operations: operations(), sessions: clients.flatMap(({ sessions }) => sessions), final })).toEqual([]);
    expect(clients.reduce((sum, { sessions }) => sum + sessions.length, 0)).toBeGreaterThan(CLIENTS + CLIENTS / 2);
  }, 60_000);
});
