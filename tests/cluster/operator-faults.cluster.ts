import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type KubeClient, type KubeObject, RESOURCES, referenceOf } from '@starling/operator/kube/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectApi } from './support/api.ts';
import { killApiServer, startApiServer } from './support/api-server.ts';
import { smallChatCluster, waitReady } from './support/chat-cluster.ts';
import { type FaultProxy, isWrite, startFaultProxy } from './support/fault-proxy.ts';
import {
  apply,
  codesOf,
  createNamespace,
  deleteNamespace,
  deleteObject,
  hostOf,
  installOperator,
  isOwnCluster,
  OPERATOR_NAMESPACE,
  readAuditLog,
  waitUntil,
} from './support/index.ts';
import { findLeader, killProcess, readHolder, startOperatorAgain, stopOperator } from './support/operator-pods.ts';
import { type OperatorProcess, startOperatorProcess } from './support/operator-process.ts';
import { listOwned, meaningOf, nameOf } from './support/owned-objects.ts';
import { createGroup, logIn, post, readTexts, signUp } from './support/people.ts';

const NAME = 'faults';
const URL = `https://${hostOf(NAME)}`;
const CONVERGE_MS = 180_000;
/** After which number of writes of each life the process is killed: each is another moment of an installation. */
const KILL_AFTER = [1, 2, 3, 5, 8, 13, 21, 34, 55, 1, 2, 3, 5, 8];
const FAULTY_MS = 30_000;
const REST_MS = 60_000;

let namespace: string;
let client: KubeClient;
let closeApi: () => Promise<void>;

beforeAll(async () => {
  namespace = await createNamespace('faults');
  ({ client, close: closeApi } = await connectApi());
  await installOperator();
}, 300_000);

afterAll(async () => {
  await startOperatorAgain();
  await closeApi?.();
  await deleteNamespace(namespace);
});

async function find(reference: string): Promise<KubeObject> {
  const found = (await listOwned(client, namespace, NAME)).find((object) => nameOf(object) === reference);
  if (!found) throw new Error(`there is no ${reference}`);
  return found;
}

/** Changes a field of one object and deletes another; resolves with how to see that both are as they were. */
async function disturb(): Promise<() => Promise<boolean>> {
  const [service, policy] = [await find(`Service/${NAME}-web`), await find(`NetworkPolicy/${NAME}-web`)];
  await client.delete(referenceOf(service));
  await client.patch(referenceOf(policy), { spec: { ingress: [{}] } }, { manager: 'somebody' });
  return async () => {
    const now = await Promise.all([service, policy].map((object) => client.get(referenceOf(object))));
    return [service, policy].every((object, index) => now[index] && isDeepStrictEqual(meaningOf(now[index]), meaningOf(object)));
  };
}

/** A foreign label, which nobody but a reconcile takes away: the operator works. */
async function expectWork(within: number): Promise<number> {
  const account = referenceOf(await find(`ServiceAccount/${NAME}-web`));
  const started = performance.now();
  await client.patch(account, { metadata: { labels: { 'example.com/foreign': 'x' } } }, { manager: 'somebody' });
  await waitUntil('the operator to work', within, async () => !(await client.get(account))?.metadata.labels?.['example.com/foreign']);
  return performance.now() - started;
}

describe('an operator behind a bad connection', () => {
  let proxy: FaultProxy;
  let operator: OperatorProcess | undefined;
  let leases: string;
  let lives = 0;

  beforeAll(async () => {
    await stopOperator();
    leases = await createNamespace('leases');
    proxy = await startFaultProxy();
  });
  afterAll(async () => {
    await operator?.stop();
    await proxy?.close();
    await deleteNamespace(leases);
    await startOperatorAgain();
  });

  async function start(lease: string): Promise<OperatorProcess> {
    lives += 1;
    operator = await startOperatorProcess({ kubeconfig: proxy.kubeconfig, lease, namespaces: [namespace] });
    return operator;
  }

  it('is killed after so many writes, in one life after the other, and converges', async () => {
    await apply(namespace, smallChatCluster(NAME));
    for (const writes of KILL_AFTER) {
      // Each life has a Lease of its own, so that none waits for that of the dead one to run out.
      const lease = await createNamespace('leases');
      const life = await start(lease);
      let left = writes;
      proxy.answered = (request) => {
        // The API has done it, and the operator will never know.
        if (isWrite(request) && !request.url.includes('/leases') && --left === 0) life.kill();
      };
      // One that has nothing left to write is not killed: it waits for pods.
      await Promise.race([life.ended, delay(20_000)]);
      life.kill();
      await life.ended;
      await deleteObject(lease, `namespace/${lease}`);
    }
    proxy.answered = () => {};
    await start(leases);
    await waitReady(namespace, NAME);
    const objects = await listOwned(client, namespace, NAME);
    console.log(`${lives} lives; ${objects.length} objects`);
    const jobs = objects.filter(({ kind }) => kind === 'Job').map(({ metadata }) => metadata.name.replace(/-[^-]+$/, ''));
    expect(jobs.sort()).toEqual([`${NAME}-expand`, `${NAME}-rules-level`]);
    const ann = await signUp(URL, 'Ann', codesOf(namespace, NAME));
    const { token } = await logIn(URL, ann);
    const group = await createGroup(URL, token, 'Notes');
    await post(URL, token, group, 'it works');
    expect(await readTexts(URL, token, group, 1)).toEqual(['it works']);
  }, 1_200_000);

  it('hears nothing but 500 and 429 for 30 s, asks no more than it must, and converges', async () => {
    const isBack = await disturb();
    const since = proxy.requests.length;
    proxy.judge = () => (Math.random() < 0.5 ? { status: 500 } : { status: 429, headers: { 'retry-after': '1' } });
    proxy.endWatches('cut');
    await delay(FAULTY_MS);
    const asked = proxy.requests.length - since;
    proxy.judge = () => undefined;
    const started = performance.now();
    await waitUntil('both to be put back', CONVERGE_MS, isBack);
    console.log(`30 s of 500 and 429: ${asked} requests, put back ${((performance.now() - started) / 1000).toFixed(1)} s after them`);
    // 13 watches and a Lease, each tried again later and later.
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(400);
    await waitReady(namespace, NAME);
    await expectWork(30_000);
  }, 400_000);

  it('hears that its watches are expired, lists all again, and converges', async () => {
    let open = true;
    proxy.judge = ({ isWatch }) => (isWatch && !open ? { status: 410, body: { kind: 'Status', code: 410, reason: 'Expired' } } : undefined);
    open = false;
    const since = proxy.requests.length;
    const expired = proxy.endWatches('expired');
    expect(expired).toBeGreaterThan(10);
    // It hears nothing of this.
    const isBack = await disturb();
    await delay(2_000);
    open = true;
    const started = performance.now();
    await waitUntil('both to be put back', CONVERGE_MS, isBack);
    const lists = proxy.requests.slice(since).filter(({ method, url, isWatch }) => method === 'GET' && !isWatch && url.includes('limit='));
    console.log(
      `expired: ${expired} watches, ${lists.length} lists, put back ${((performance.now() - started) / 1000).toFixed(1)} s after them`,
    );
    expect(lists.length).toBeGreaterThanOrEqual(expired);
    proxy.judge = () => undefined;
    await waitReady(namespace, NAME);
    await expectWork(30_000);
  }, 400_000);

  it('loses the connections of its watches, and goes on where it was, without a list', async () => {
    const since = proxy.requests.length;
    expect(proxy.endWatches('cut')).toBeGreaterThan(10);
    const isBack = await disturb();
    await waitUntil('both to be put back', CONVERGE_MS, isBack);
    const lists = proxy.requests.slice(since).filter(({ method, url, isWatch }) => method === 'GET' && !isWatch && url.includes('limit='));
    expect(lists).toEqual([]);
  }, 300_000);
});

describe('two replicas of the operator', () => {
  beforeAll(async () => {
    await startOperatorAgain();
    await findLeader();
    await waitReady(namespace, NAME);
  });

  it('the leader is killed: the other leads when the Lease has run out, and goes on', async () => {
    const before = await readHolder();
    const leader = await findLeader();
    const started = performance.now();
    await killProcess(leader);
    const isBack = await disturb();
    await waitUntil('both to be put back', CONVERGE_MS, isBack);
    console.log(`leader killed: put back after ${((performance.now() - started) / 1000).toFixed(1)} s`);
    expect(await readHolder()).not.toBe(before);
    // 15 s of the Lease, and the round of tries.
    expect(performance.now() - started).toBeLessThan(45_000);
  }, 300_000);

  it('the leader is told to end: it frees the Lease, and the other leads at once', async () => {
    const leader = await findLeader();
    const started = performance.now();
    await client.delete({ resource: RESOURCES.Pod, namespace: OPERATOR_NAMESPACE, name: leader['metadata'].name });
    await waitUntil('another to lead', 30_000, async () => {
      const holder = await readHolder();
      return holder !== '' && !holder.startsWith(`${leader['metadata'].name}_`);
    });
    const after = performance.now() - started;
    console.log(`leader ended: another leads after ${(after / 1000).toFixed(1)} s`);
    expect(after).toBeLessThan(12_000);
    await expectWork(30_000);
  }, 300_000);
});

describe.runIf(isOwnCluster)('of the API server', () => {
  it('a restart ends no work: what was disturbed is put back', async () => {
    await killApiServer();
    // Longer than the leader may go without renewing its Lease.
    await delay(15_000);
    await startApiServer();
    const started = performance.now();
    const isBack = await disturb();
    await waitUntil('both to be put back', CONVERGE_MS, isBack);
    console.log(`API server restarted: put back ${((performance.now() - started) / 1000).toFixed(1)} s after it answered`);
    await waitReady(namespace, NAME);
    await expectWork(30_000);
  }, 600_000);
});

describe.runIf(isOwnCluster)('at rest', () => {
  const USER = `system:serviceaccount:${OPERATOR_NAMESPACE}:starling-operator`;
  const requestsSince = async (time: number) => {
    const all = (await readAuditLog(time)).filter(({ user }) => user === USER);
    const isLease = ({ resource, name }: { resource: string; name: string }) => resource === 'leases' && name === 'starling-operator';
    const others = all.filter((request) => request.verb !== 'watch' && !isLease(request));
    return { leases: all.filter(isLease).length, others: others.map(({ verb, uri, status }) => `${verb} ${uri} ${status}`) };
  };

  it('the operator makes no request but watches and the Lease for a minute', async () => {
    await waitReady(namespace, NAME);
    await waitUntil('the operator to come to rest', CONVERGE_MS, async () => {
      const since = Date.now() - 20_000;
      return (await requestsSince(since)).others.length === 0;
    });
    const since = Date.now();
    await delay(REST_MS);
    const { leases, others } = await requestsSince(since);
    console.log(`at rest for a minute: ${others.length} requests, ${leases} of the Lease`);
    expect(others).toEqual([]);
    // The log is not simply empty of it.
    expect(leases).toBeGreaterThan(20);
  }, 400_000);

  it('and one more is seen in the log', async () => {
    const since = Date.now();
    await expectWork(30_000);
    await waitUntil('the request in the log', 30_000, async () =>
      (await requestsSince(since)).others.some((line) => line.startsWith('patch') && line.includes(`/serviceaccounts/${NAME}-web`)),
    );
  }, 120_000);
});
