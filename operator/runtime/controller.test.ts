import type { Manifest } from '@starling/cdk8s/parts';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, createApplier, type KubeConnection, type KubeObject, RESOURCES } from '../kube/index.ts';
import { FakeApiServer, type FakeRequest } from '../kube/test-fake-api-server.ts';
import { compressTime } from '../kube/test-time.ts';
import { type Controller, clusterKeysOf, type Leadership, startController } from './controller.ts';
import { createOperatorMetrics, type OperatorMetrics } from './metrics.ts';

const time = compressTime(20);
const DEADLINE = { deadline: 20_000 };

/** A process of the operator, whose way to the API can be cut. */
interface Process {
  name: string;
  controller: Controller;
  metrics: OperatorMetrics;
  /** As kill -9 does: nothing of it is heard again, and nothing reaches it. */
  kill(): Promise<void>;
}

let server: FakeApiServer;
let processes: Process[] = [];
let reconciled: string[] = [];
beforeEach(async () => {
  reconciled = [];
  processes = [];
  server = new FakeApiServer();
  await server.start();
});
afterEach(async () => {
  server.fault = () => undefined;
  await Promise.all(processes.map(({ controller }) => controller.stop()));
  await server.stop();
});

function startProcess(name: string, options: { namespaces?: string[]; resyncMs?: number } = {}): Process {
  const to = connectTo(server.url);
  let alive = true;
  const connection: KubeConnection = {
    ...to,
    send: (request) => (alive ? to.send(request) : Promise.reject(new Error('killed'))),
  };
  const metrics = createOperatorMetrics();
  const controller = startController({
    connection,
    kinds: [
      { resource: RESOURCES.ChatCluster },
      ...[RESOURCES.ConfigMap, RESOURCES.Deployment].map((resource) => ({ resource, labelSelector: 'starling.chat/cluster' })),
    ],
    lease: { namespace: 'operator', name: 'starling-operator', identity: name },
    idleMs: 30_000,
    metrics,
    time,
    onError: () => {},
    lead: (leadership) => reconcileAs(name, leadership),
    ...options,
  });
  const process: Process = {
    name,
    controller,
    metrics,
    async kill() {
      alive = false;
      await to.close();
    },
  };
  processes.push(process);
  return process;
}

/** Two objects of each cluster, one after the other. */
function reconcileAs(name: string, { client, cache }: Leadership) {
  const applier = createApplier({ client, cache, manager: 'starling' });
  return async (key: string) => {
    reconciled.push(`${name} ${key}`);
    const [namespace = '', cluster = ''] = key.split('/');
    if (!cache.get({ resource: RESOURCES.ChatCluster, namespace, name: cluster })) return undefined;
    for (const manifest of manifestsOf(namespace, cluster)) await applier.applyDesired(manifest);
    return undefined;
  };
}

function manifestsOf(namespace: string, cluster: string): Manifest[] {
  const metadata = { name: cluster, namespace, labels: { 'starling.chat/cluster': cluster } };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 1, template: { spec: { containers: [{ name: 'web', image: 'web:1' }] } } },
    },
  ];
}

const pathsOf = (cluster: string, namespace = 'chat') => [
  `/api/v1/namespaces/${namespace}/configmaps/${cluster}`,
  `/apis/apps/v1/namespaces/${namespace}/deployments/${cluster}`,
];

function addCluster(name: string, namespace = 'chat'): void {
  const metadata = { name, namespace };
  server.put(`/apis/starling.chat/v1alpha1/namespaces/${namespace}/chatclusters/${name}`, {
    apiVersion: 'starling.chat/v1alpha1',
    kind: 'ChatCluster',
    metadata,
  });
}

function isWhole(cluster: string): boolean {
  const [map, web] = pathsOf(cluster).map((path) => server.read(path) as KubeObject | undefined);
  const spec = web?.['spec'] as { replicas: number; paused?: boolean; template: { spec: { containers: object[] } } } | undefined;
  return (
    JSON.stringify(map?.['data']) === '{"a":"1"}' &&
    JSON.stringify(map?.metadata.labels) === JSON.stringify({ 'starling.chat/cluster': cluster }) &&
    spec?.replicas === 1 &&
    spec.paused === undefined &&
    spec.template.spec.containers.length === 1
  );
}

/** Deletes one object and puts foreign fields into the other. */
function damage(cluster: string): void {
  const [map = '', web = ''] = pathsOf(cluster);
  server.delete(map);
  server.change(web, 'kubectl-edit', (object) => ({ ...object, spec: { ...(object['spec'] as object), paused: true, replicas: 0 } }));
}

const whole = (...clusters: string[]) => waitFor(() => clusters.every(isWhole), DEADLINE);
const isLease = ({ path }: FakeRequest) => path.includes('/leases');

describe('an operator', () => {
  beforeEach(() => addCluster('demo'));

  it('makes what is wanted of each cluster, and puts back what is changed', async () => {
    startProcess('one');
    await whole('demo');
    addCluster('second');
    await whole('demo', 'second');
    damage('demo');
    await whole('demo', 'second');
  });

  it('puts back what was changed while it was away', async () => {
    const one = startProcess('one');
    await whole('demo');
    await one.controller.stop();
    damage('demo');
    startProcess('two');
    await whole('demo');
  });

  it('at rest asks for nothing but its watches and the Lease, also when it looks at all again', async () => {
    const one = startProcess('one', { resyncMs: 2_000 });
    await whole('demo');
    const { length } = reconciled;
    await waitFor(() => reconciled.length > length + 3, DEADLINE);
    server.requests.length = 0;
    const seen = reconciled.length;
    await waitFor(() => reconciled.length > seen + 5, DEADLINE);
    expect(server.requests.filter((request) => !request.watch && !isLease(request))).toEqual([]);
    expect((await one.metrics.scrape()).text).toMatch(/starling_operator_leader 1/);
  });

  it('converges through 30 s of errors and refusals', async () => {
    startProcess('one');
    await whole('demo');
    const begun = time.now();
    let count = 0;
    server.fault = () => {
      count += 1;
      if (time.now() - begun > 30_000) return undefined;
      return count % 2 === 0 ? { status: 500 } : { status: 429, retryAfter: 2 };
    };
    server.endWatches('drop');
    addCluster('second');
    damage('demo');
    await whole('demo', 'second');
    expect(time.now() - begun).toBeGreaterThan(10_000);
    // It asked again, but not in a loop.
    expect(count).toBeLessThan(400);
  });

  it('converges after its watches expired', async () => {
    startProcess('one');
    await whole('demo');
    server.silenceWatches();
    damage('demo');
    server.expireWatches();
    await whole('demo');
  });

  it('converges after a restart of the API, in the midst of a reconcile', async () => {
    startProcess('one');
    await whole('demo');
    let cut = false;
    server.fault = ({ method }) => {
      if (cut || method !== 'PATCH') return undefined;
      cut = true;
      return 'drop';
    };
    damage('demo');
    await waitFor(() => cut, DEADLINE);
    await server.stop();
    await server.start();
    await whole('demo');
  });

  it('converges when a watch is open but silent', async () => {
    startProcess('one');
    await whole('demo');
    server.silenceWatches();
    damage('demo');
    await whole('demo');
  });

  it('killed in the midst of a reconcile is followed by another, which finishes it', async () => {
    const one = startProcess('one');
    await waitFor(() => one.controller.leads(), DEADLINE);
    startProcess('two');
    await whole('demo');
    let killed = false;
    server.fault = ({ method, path }) => {
      if (killed || method !== 'PATCH' || !path.includes('/configmaps/')) return undefined;
      killed = true;
      void one.kill();
      return undefined;
    };
    damage('demo');
    await whole('demo');
    expect(killed).toBe(true);
    expect(reconciled.at(-1)).toBe('two chat/demo');
  });

  it('that loses the Lease writes no more, and leads again when it has it again', async () => {
    const one = startProcess('one');
    await whole('demo');
    await waitFor(() => one.controller.active(), DEADLINE);
    server.fault = (request) => (isLease(request) ? 'drop' : undefined);
    await waitFor(() => !one.controller.leads(), DEADLINE);
    await waitFor(() => server.openWatches === 0, DEADLINE);
    server.requests.length = 0;
    damage('demo');
    const until = time.now() + 20_000;
    await waitFor(() => time.now() > until, DEADLINE);
    expect(server.requests.filter((request) => !isLease(request))).toEqual([]);
    expect((await one.metrics.scrape()).text).toMatch(/starling_operator_leader 0/);
    server.fault = () => undefined;
    await whole('demo');
  });

  it('of two only one works; when it stops, the other does at once', async () => {
    const one = startProcess('one');
    await waitFor(() => one.controller.active(), DEADLINE);
    const two = startProcess('two');
    await whole('demo');
    damage('demo');
    await whole('demo');
    expect(reconciled.filter((entry) => entry.startsWith('two'))).toEqual([]);
    const begun = time.now();
    await one.controller.stop();
    await waitFor(() => two.controller.active(), DEADLINE);
    // Not after the 15 s that the Lease would have lasted.
    expect(time.now() - begun).toBeLessThan(12_000);
    damage('demo');
    await whole('demo');
  });

  it('of some namespaces sees no other', async () => {
    addCluster('demo', 'elsewhere');
    startProcess('one', { namespaces: ['chat'] });
    await whole('demo');
    expect(reconciled).not.toContain('one elsewhere/demo');
    expect(server.requests.filter((request) => !isLease(request) && !request.path.includes('/namespaces/chat/'))).toEqual([]);
  });

  it('counts what it does', async () => {
    const one = startProcess('one');
    await whole('demo');
    server.endWatches('drop');
    await waitFor(async () => {
      const { text } = await one.metrics.scrape();
      return [
        /starling_operator_reconcile_seconds_count\{result="done"\} [1-9]/,
        /starling_operator_request_seconds_count\{verb="apply",resource="deployments",status="200"\} 1/,
        /starling_operator_watches_total\{kind="Deployment",event="error"\} 1/,
        /starling_operator_queue_depth 0/,
      ].every((pattern) => pattern.test(text));
    }, DEADLINE);
  });
});

describe('the cluster of an object', () => {
  const object = (metadata: object, kind = 'ConfigMap', apiVersion = 'v1') => ({ apiVersion, kind, metadata }) as unknown as KubeObject;
  const owner = { apiVersion: 'starling.chat/v1alpha1', kind: 'ChatCluster', name: 'owner', uid: 'u' };

  it.each([
    ['itself', object({ name: 'a', namespace: 'n' }, 'ChatCluster', 'starling.chat/v1alpha1'), ['n/a']],
    [
      'its owner',
      object({ name: 'x', namespace: 'n', ownerReferences: [owner], labels: { 'starling.chat/cluster': 'label' } }),
      ['n/owner'],
    ],
    ['its label', object({ name: 'x', namespace: 'n', labels: { 'starling.chat/cluster': 'label' } }), ['n/label']],
    ['another owner', object({ name: 'x', namespace: 'n', ownerReferences: [{ ...owner, kind: 'Other' }] }), []],
    ['nothing', object({ name: 'x' }), []],
  ])('is known by %s', (_, found, keys) => {
    expect(clusterKeysOf(found)).toEqual(keys);
  });
});
