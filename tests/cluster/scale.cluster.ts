import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { absencesSince } from './support/attendance.ts';
import { Crowd } from './support/crowd.ts';
import { podsOf, readyPods, socketsOfPods } from './support/delivery-pods.ts';
import {
  apply,
  codesOf,
  conditionOf,
  createNamespace,
  deleteNamespace,
  deleteObject,
  OPERATOR_NAMESPACE,
  readAuditLog,
  readObject,
  waitForCondition,
  waitUntil,
} from './support/index.ts';
import { bringUp, ensureOperator, NAME, REFERENCE, urlOf } from './support/small-cluster.ts';
import { Talk } from './support/talk.ts';

const OURS = 'apiservice/v1beta2.custom.metrics.k8s.io';
/** Another version of the same group, as the adapter of another vendor would have it. */
const FOREIGN = 'apiservice/v1beta1.custom.metrics.k8s.io';
const AUTOSCALING = { minReplicas: 2, maxReplicas: 6, targetConnections: 100, connectionCap: 150, windowSeconds: 20 };
const PEOPLE = { people: 4, groups: 4 };
const POSTS_PER_SECOND = 100;
const GUEST_ACCOUNTS = 20;
const SOCKETS = 400;
/** More than the minimum of pods should hold, and less than it can. */
const FEWER = 260;
const SOCKETS_PER_SECOND = 5;
const SCALED_MS = 300_000;
/** The fullest pod to the emptiest. */
const EVEN = 1.5;

describe('the number of pods', () => {
  let namespace: string;
  let talk: Talk;
  let crowd: Crowd;
  let begun: number;

  beforeAll(async () => {
    await ensureOperator();
    await apply('default', foreignMetrics());
    // Ours would have been there before.
    await deleteObject('default', OURS);
    begun = Date.now();
    namespace = await createNamespace('scale');
    await bringUp(namespace, { autoscaling: AUTOSCALING });
    const findCode = codesOf(namespace, NAME);
    talk = await Talk.begin(urlOf(namespace), findCode, PEOPLE);
    crowd = await Crowd.signUp(urlOf(namespace), GUEST_ACCOUNTS, findCode);
  }, 600_000);
  afterAll(async () => {
    talk?.stop();
    crowd?.leave(crowd.size);
    await deleteObject('default', FOREIGN);
    await deleteNamespace(namespace);
  });

  async function countPods(): Promise<{ wanted: number; ready: number; all: number }> {
    const deployment = await readObject(namespace, `deployment/${NAME}-delivery`);
    const all = (await podsOf(namespace, 'delivery')).length;
    return { wanted: deployment?.['spec'].replicas, ready: (await readyPods(namespace)).length, all };
  }

  /** Waits for a number of pods, among which the sockets are even; prints on which way it came to that. */
  async function waitForPods(count: number): Promise<number[]> {
    const started = performance.now();
    const way: string[] = [];
    return waitUntil(`${count} pods with as many sockets each`, SCALED_MS, async () => {
      const { wanted, ready, all } = await countPods();
      const sockets = await socketsOfPods(namespace);
      way.push(`${((performance.now() - started) / 1000).toFixed(0)} s: ${wanted} wanted, ${ready} ready of ${all}: ${sockets.join(' ')}`);
      const isEven = Math.max(...sockets) <= EVEN * Math.min(...sockets);
      return wanted === count && ready === count && all === count && crowd.live === crowd.size && isEven && sockets;
    }).finally(() => console.log(way.join('\n')));
  }

  it('stays at the minimum where custom metrics are served by another, of whom nothing is changed', async () => {
    const { message } = await waitForCondition(
      namespace,
      REFERENCE,
      { type: 'Autoscaling', status: 'False', reason: 'MetricsApiOwned' },
      60_000,
    );
    expect(message).toContain(FOREIGN.split('/')[1]);
    await crowd.join(FEWER - PEOPLE.people, SOCKETS_PER_SECOND);
    await crowd.allLive(SCALED_MS);
    await waitUntil('the autoscaler to have looked in vain', SCALED_MS, async () => {
      const scaler = await readObject(namespace, `hpa/${NAME}-delivery`);
      return conditionOf(scaler, 'ScalingActive')?.status === 'False';
    });
    expect(await countPods()).toEqual({ wanted: 2, ready: 2, all: 2 });
    expect(await readObject('default', OURS)).toBeUndefined();
    const foreign = await readObject('default', FOREIGN);
    expect(foreign).toMatchObject({ metadata: { labels: { 'app.kubernetes.io/managed-by': 'another' } }, spec: foreignMetrics().spec });
    const operator = `system:serviceaccount:${OPERATOR_NAMESPACE}:starling-operator`;
    const writes = (await readAuditLog(begun)).filter(
      ({ user, resource, verb }) => user === operator && resource === 'apiservices' && !['get', 'list', 'watch'].includes(verb),
    );
    expect(writes).toEqual([]);
  }, 600_000);

  it(`becomes four with ${SOCKETS} sockets, which even out, and nothing is lost or doubled`, async () => {
    await deleteObject('default', FOREIGN);
    await waitForCondition(namespace, REFERENCE, { type: 'Autoscaling' }, 120_000);
    const since = performance.now();
    talk.start(POSTS_PER_SECOND);
    await crowd.join(SOCKETS - PEOPLE.people - crowd.size, SOCKETS_PER_SECOND);
    const sockets = await waitForPods(4);
    const { posts, sockets: used } = await talk.endSound();
    const seconds = (performance.now() - since) / 1000;
    const { longest } = absencesSince([...talk.people.map(({ attendance }) => attendance), ...crowd.attendances], since);
    console.log(
      `four pods: ${sockets.join(' ')} sockets after ${seconds.toFixed(0)} s; ${posts} posts sound over ${used} sockets; away ${longest.toFixed(1)} s at most`,
    );
  }, 900_000);

  it('is two again when half of them have left, and nothing is lost or doubled', async () => {
    const since = performance.now();
    talk.start(POSTS_PER_SECOND);
    crowd.leave(SOCKETS / 2);
    const sockets = await waitForPods(2);
    const { posts, sockets: used } = await talk.endSound();
    const { longest } = absencesSince([...talk.people.map(({ attendance }) => attendance), ...crowd.attendances], since);
    console.log(
      `two pods: ${sockets.join(' ')} sockets after ${((performance.now() - since) / 1000).toFixed(0)} s; ${posts} posts sound over ${used} sockets; away ${longest.toFixed(1)} s at most`,
    );
  }, 900_000);
});

function foreignMetrics() {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: FOREIGN.split('/')[1], labels: { 'app.kubernetes.io/managed-by': 'another' } },
    spec: {
      group: 'custom.metrics.k8s.io',
      version: 'v1beta1',
      groupPriorityMinimum: 50,
      versionPriority: 50,
      insecureSkipTLSVerify: true,
      service: { name: 'another', namespace: 'default', port: 443 },
    },
  };
}
