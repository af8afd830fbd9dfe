import type { RequestListener } from 'node:http';
import { FakeClock } from '@starling/testing/clock';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryPod } from './delivery-pods.ts';
import { Loads } from './loads.ts';
import { type ScrapeOptions, Scraper } from './scraper.ts';
import { startTestPods, testPod } from './test-pods.ts';

const json =
  (body: unknown, status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const load = (connections: number) => json({ connections, refusedUpgrades: 0, draining: false });

const clock = new FakeClock();
let loads: Loads;
let outcomes: string[];
let stop: () => Promise<unknown>;
beforeEach(() => {
  loads = new Loads({ intervalMs: 5_000 });
  outcomes = [];
  stop = async () => undefined;
});
afterEach(() => stop());

async function scraperOf(
  answers: RequestListener[],
  options: Partial<ScrapeOptions> = {},
): Promise<{ scraper: Scraper; pods: DeliveryPod[] }> {
  const { port, addresses, close } = await startTestPods(answers);
  const pods = addresses.map((address, index) => testPod(`p${index}`, { address }));
  const observe = (outcome: string) => outcomes.push(outcome);
  const settings = { pods: () => pods, loads, clock, port, intervalMs: 5_000, deadlineMs: 2_000, concurrency: 8, observe };
  const scraper = new Scraper({ ...settings, ...options });
  stop = () => Promise.all([scraper.stop(), close()]);
  return { scraper, pods };
}

describe('a round', () => {
  it('notes what the pods answer', async () => {
    const { scraper } = await scraperOf([load(3), load(4)]);
    await scraper.scrape();
    expect(['uid-p0', 'uid-p1'].map((uid) => loads.connections(uid, clock.now())?.value)).toEqual([3, 4]);
    expect(outcomes).toEqual(['answered', 'answered']);
  });

  it('leaves unknown who fails, hangs, or answers something else, and knows the others', async () => {
    const elsewhere: RequestListener = (_, response) => void response.writeHead(302, { location: '/load2' }).end();
    const others = [
      json({ connections: 1, refusedUpgrades: 0, draining: false }, 500),
      json({ connections: -1, refusedUpgrades: 0, draining: false }),
      json({ connections: '1', refusedUpgrades: 0, draining: false }),
      json({ connections: 1, draining: false }),
      json(null),
      json({ connections: 1, refusedUpgrades: 0, draining: false, filler: 'x'.repeat(10_000) }),
      elsewhere,
      () => undefined,
    ];
    const { scraper } = await scraperOf([...others, load(5)], { deadlineMs: 300, concurrency: 3 });
    await scraper.scrape();
    const known = [...others, load].map((_, index) => loads.connections(`uid-p${index}`, clock.now())?.value);
    expect(known).toEqual([...others.map(() => undefined), 5]);
    expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(others.length);
  });

  it('asks no more pods at a time than it may', async () => {
    let [now, most] = [0, 0];
    const counting: RequestListener = (request, response) => {
      now += 1;
      most = Math.max(most, now);
      setImmediate(() => {
        now -= 1;
        load(1)(request, response);
      });
    };
    const { scraper } = await scraperOf(
      Array.from({ length: 12 }, () => counting),
      { concurrency: 3 },
    );
    await scraper.scrape();
    expect(outcomes).toHaveLength(12);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('forgets pods that are gone', async () => {
    const { scraper, pods } = await scraperOf([load(3), load(4)]);
    await scraper.scrape();
    pods.shift();
    await scraper.scrape();
    expect(loads.connections('uid-p0', clock.now())).toBeUndefined();
    expect(loads.connections('uid-p1', clock.now())?.value).toBe(4);
  });
});

it('rounds follow each other until they are stopped, also past one that hangs', async () => {
  let rounds = 0;
  const { scraper } = await scraperOf([() => undefined], {
    intervalMs: 10,
    deadlineMs: 50,
    onRound: async () => {
      rounds += 1;
    },
  });
  scraper.start();
  await waitFor(() => rounds >= 3);
  await scraper.stop();
  const then = rounds;
  await new Promise((resolve) => setImmediate(resolve));
  expect(rounds).toBe(then);
});
