import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Attendance, absencesSince } from './support/attendance.ts';
import { Crowd } from './support/crowd.ts';
import { evict, followLog, killPod, nameOf, readyPods } from './support/delivery-pods.ts';
import {
  codesOf,
  createNamespace,
  deleteNamespace,
  deleteObject,
  patchObject,
  readObject,
  waitForCondition,
  waitUntil,
} from './support/index.ts';
import { bringUp, ensureOperator, LITTLE, NAME, REFERENCE, urlOf } from './support/small-cluster.ts';
import { Talk } from './support/talk.ts';

const PODS = 2;
const PEOPLE = { people: 4, groups: 4 };
const POSTS_PER_SECOND = 50;
const GUESTS = 100;
/** All that a crowd of so many may have on one pod, 50 each. */
const GUEST_ACCOUNTS = 24;
const MANY = 1_000;
const MANY_PER_SECOND = 40;
const DRAIN_SECONDS = 30;
/** Within which whoever loses a socket is live again, s. */
const RESUMED = 5;
const READY_MS = 120_000;

describe('a pod of delivery that is lost', () => {
  let namespace: string;
  let talk: Talk;
  let crowd: Crowd;
  const everybody = (): Attendance[] => [...talk.people.map(({ attendance }) => attendance), ...crowd.attendances];

  beforeAll(async () => {
    await ensureOperator();
    namespace = await createNamespace('losing-pods');
    const autoscaling = { source: 'None', minReplicas: 1, maxReplicas: PODS, targetConnections: MANY, connectionCap: 2 * MANY } as const;
    await bringUp(namespace, { autoscaling, delivery: { replicas: PODS, drainSeconds: 10, resources: LITTLE } });
    const findCode = codesOf(namespace, NAME);
    talk = await Talk.begin(urlOf(namespace), findCode, PEOPLE);
    crowd = await Crowd.signUp(urlOf(namespace), GUEST_ACCOUNTS, findCode);
    await crowd.join(GUESTS, MANY_PER_SECOND);
    await crowd.allLive(READY_MS);
  }, 600_000);
  afterAll(async () => {
    talk?.stop();
    crowd?.leave(crowd.size);
    await deleteNamespace(namespace);
  });

  function theReadyPods(count = PODS) {
    return waitUntil(`${count} pods of delivery to be ready`, READY_MS, async () => {
      const pods = await readyPods(namespace);
      return pods.length === count && pods;
    });
  }

  /** Under load: something happens to a pod, everybody is back in time, and nothing is lost or doubled. */
  async function expectResumed(what: string, happen: () => Promise<void>): Promise<void> {
    talk.start(POSTS_PER_SECOND);
    await talk.goesOn(POSTS_PER_SECOND, READY_MS);
    const since = performance.now();
    await happen();
    await talk.goesOn(POSTS_PER_SECOND, READY_MS);
    await crowd.allLive(READY_MS);
    const { posts, sockets } = await talk.endSound();
    const { clients, median, longest } = absencesSince(everybody(), since);
    console.log(
      `${what}: ${clients} of ${everybody().length} clients were away, ${median.toFixed(1)} s in the median and ${longest.toFixed(1)} s at most; ${posts} posts sound over ${sockets} sockets`,
    );
    expect(longest).toBeLessThanOrEqual(RESUMED);
  }

  it('by kill -9', async () => {
    const [pod = expect.fail('no pod')] = await theReadyPods();
    const restarts = (restarted: typeof pod | undefined): number => restarted?.['status'].containerStatuses[0].restartCount;
    await expectResumed('kill -9', async () => {
      await killPod(pod);
      await waitUntil(
        'the pod to be started anew',
        READY_MS,
        async () => restarts(await readObject(namespace, `pod/${nameOf(pod)}`)) > restarts(pod),
      );
      await theReadyPods();
    });
  }, 300_000);

  it('by being deleted', async () => {
    const [pod = expect.fail('no pod')] = await theReadyPods();
    await expectResumed('deleted', async () => {
      await deleteObject(namespace, `pod/${nameOf(pod)}`);
      await waitUntil('the pod to be gone', READY_MS, async () => !(await readObject(namespace, `pod/${nameOf(pod)}`)));
      await theReadyPods();
    });
  }, 300_000);

  it('by eviction: one at a time', async () => {
    const [first = expect.fail('no pod'), second = expect.fail('no second pod')] = await theReadyPods();
    await expectResumed('evicted, one after the other', async () => {
      expect(await evict(namespace, nameOf(first))).toBeUndefined();
      expect(await evict(namespace, nameOf(second))).toMatch(/TooManyRequests.*would violate the pod's disruption budget/);
      await waitUntil('the first to be replaced', READY_MS, async () => {
        const pods = await readyPods(namespace);
        return pods.length === PODS && pods.every((pod) => nameOf(pod) !== nameOf(first));
      });
      await waitUntil('the second to be allowed', READY_MS, async () => (await evict(namespace, nameOf(second))) === undefined);
      await waitUntil('the second to be replaced', READY_MS, async () => {
        const pods = await readyPods(namespace);
        return pods.length === PODS && pods.every((pod) => nameOf(pod) !== nameOf(second));
      });
    });
  }, 420_000);

  it(`by a rollout, with ${MANY} sockets on it: they are sent to the next one within the time of a drain`, async () => {
    await patchObject(namespace, REFERENCE, { spec: { delivery: { replicas: 1, drainSeconds: DRAIN_SECONDS } } });
    await waitForCondition(namespace, REFERENCE, { type: 'Ready' }, READY_MS);
    const [pod = expect.fail('no pod')] = await theReadyPods(1);
    await crowd.join(MANY - PEOPLE.people - crowd.size, MANY_PER_SECOND);
    await crowd.allLive(READY_MS);
    crowd.closes.clear();
    const log = followLog(namespace, nameOf(pod));
    await expectResumed(`a drain of ${MANY} sockets`, async () => {
      // Another configuration is another pod.
      await patchObject(namespace, REFERENCE, { spec: { autoscaling: { connectionCap: 2 * MANY + 1 } } });
      await waitUntil('the pod to be gone', READY_MS, async () => !(await readObject(namespace, `pod/${nameOf(pod)}`)));
      await theReadyPods(1);
    });
    const drained = await waitUntil('the pod to have told of its drain', READY_MS, () => log.find('the sockets are gone'));
    console.log(`drain: ${JSON.stringify(drained)}; closed: ${JSON.stringify([...crowd.closes])}`);
    expect(drained['sockets']).toBeGreaterThan(0.9 * MANY);
    expect(drained['seconds']).toBeLessThanOrEqual(DRAIN_SECONDS);
  }, 600_000);
});
