import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueAuthority, issueLeaf } from '../../operator/material/issue-certificate.ts';
import {
  apply,
  createNamespace,
  deleteNamespace,
  deleteObject,
  kubectl,
  type LiveObject,
  listObjects,
  patchObject,
  STARLING,
  VERSION,
  waitUntil,
} from './support/index.ts';

/**
 * The metrics API as two processes beside the cluster, and pods that answer `/load` as delivery does. Nobody else in the
 * cluster may serve custom metrics meanwhile.
 */
const PORTS = [18_443, 18_444] as const;
const API_SERVICE = 'v1beta2.custom.metrics.k8s.io';
const MAIN = fileURLToPath(new URL('../../operator/metrics-api/main.ts', import.meta.url));
const LABELS = {
  'app.kubernetes.io/name': 'starling',
  'app.kubernetes.io/component': 'delivery',
  'app.kubernetes.io/instance': 'chat',
};
const CONNECTIONS = 'starling.chat/connections';
const COST = 'controller.kubernetes.io/pod-deletion-cost';

/** As many connections as it was told to have; told -1, it fails. */
const FAKE_DELIVERY = `
  let connections = 0, refusedUpgrades = 0;
  require('node:http').createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://pod');
    if (pathname === '/set') {
      connections = Number(searchParams.get('connections'));
      refusedUpgrades += Number(searchParams.get('refused') ?? 0);
    }
    response.writeHead(connections < 0 ? 500 : 200).end(JSON.stringify({ connections, refusedUpgrades, draining: false }));
  }).listen(9090);
  process.on('SIGTERM', () => process.exit(0));`;

let namespace: string;
let folder: string;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  namespace = await createNamespace('metrics-api');
  folder = await mkdtemp(join(tmpdir(), 'starling-metrics-api-'));
  const life = { now: Date.now(), lifeMs: 86_400_000 };
  const authority = await issueAuthority({ cluster: 'test', ...life });
  const serving = await issueLeaf({ names: [`starling-metrics-api.${namespace}.svc`], authority, ...life });
  await writeFile(join(folder, 'tls.crt'), serving.certificate);
  await writeFile(join(folder, 'tls.key'), serving.key);
  await apply(namespace, [...rights(), fakeDelivery()]);
  await apply('kube-system', authenticationReader());
  const server = await kubectl(['config', 'view', '--minify', '--output', 'jsonpath={.clusters[0].cluster.server}']);
  // Where the cluster reaches its host.
  const host = new URL(server).hostname.replace(/\d+$/, '1');
  await writeFile(join(folder, 'kubeconfig'), await kubeconfig(server));
  for (const [index, port] of PORTS.entries()) processes.push(startMetricsApi(host, port, 19_090 + index));
  await apply(namespace, [service(), ...PORTS.map((port) => slice(host, port)), apiService(authority.certificate)]);
  await waitUntil('the APIService to be available', 60_000, async () => {
    const status = await kubectl([
      'get',
      'apiservice',
      API_SERVICE,
      '--output',
      'jsonpath={.status.conditions[?(@.type=="Available")].status}',
    ]);
    return status === 'True';
  });
  await waitUntil('two pods that answer', 60_000, async () => (await livePods()).length === 2);
});

afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await deleteObject(namespace, `apiservice/${API_SERVICE}`);
  await deleteObject(namespace, `clusterrolebinding/${namespace}`);
  await kubectl(['--namespace', 'kube-system', 'delete', 'rolebinding', namespace, '--ignore-not-found']);
  await deleteNamespace(namespace);
  await rm(folder, { recursive: true });
});

describe('the metrics API', () => {
  it('tells the API server what the pods answer, and leaves out those that do not', async () => {
    const [first = expect.fail('no pod'), second = expect.fail('no pod')] = await livePods();
    await setLoad(first, 7);
    await setLoad(second, 9);
    await waitUntil('both values', 30_000, async () => (await readConnections()).sort().join() === '7,9');
    await setLoad(second, -1);
    await waitUntil('one value', 30_000, async () => (await readConnections()).join() === '7');
    await setLoad(second, 9);
    await waitUntil('both values again', 30_000, async () => (await readConnections()).sort().join() === '7,9');
  });

  it('is seen by discovery, and asked only by those who may', async () => {
    const resources = JSON.parse(await kubectl(['get', '--raw', '/apis/custom.metrics.k8s.io/v1beta2'])) as LiveObject;
    expect(resources['resources'].map(({ name }: { name: string }) => name)).toEqual([
      'pods/starling_connections',
      'pods/starling_refused_upgrades_per_second',
    ]);
    // What clients go by, such as the autoscaler, is the API server's own document of all groups.
    await waitUntil('fresh discovery', 60_000, async () => {
      const { versions } = await readDiscovery();
      return versions[0]?.freshness === 'Current' && versions[0].resources.length === 1;
    });
    const asStranger = ['--as', 'system:serviceaccount:default:default', 'get', '--raw', path('starling_connections')];
    await expect(kubectl(asStranger)).rejects.toThrow('Forbidden');
  });

  it('scales by connections up to where each pod holds the target, and back to the emptiest', async () => {
    await apply(namespace, autoscaler());
    for (const pod of await livePods()) await setLoad(pod, 200);
    // The sockets move: the new pods get some, and all hold the same.
    await waitUntil('four pods', 120_000, async () => (await livePods()).length === 4);
    for (const pod of await livePods()) await setLoad(pod, 100);
    await patchObject(namespace, 'hpa/chat-delivery', { spec: { minReplicas: 4 } });
    const pods = await livePods();
    const loads = [20, 30, 60, 80];
    await Promise.all(pods.map((pod, index) => setLoad(pod, loads[index] ?? 0)));
    await waitUntil('the annotations', 150_000, async () => {
      const live = await livePods();
      const noted = pods.map(({ metadata: { name } }) => annotationsOf(live.find((pod) => pod['metadata'].name === name)));
      return noted.map((annotations) => `${annotations[CONNECTIONS]}:${annotations[COST]}`).join() === '20:1,30:1,60:2,80:3';
    });
    await patchObject(namespace, 'hpa/chat-delivery', { spec: { minReplicas: 1 } });
    await waitUntil('two pods', 180_000, async () => (await livePods()).length === 2);
    const left = (await livePods()).map(({ metadata: { name } }) => name).sort();
    const fullest = pods
      .slice(2)
      .map(({ metadata: { name } }) => name)
      .sort();
    expect(left).toEqual(fullest);
  });

  it('scales by refused upgrades too, though pods hold few connections', async () => {
    const before = (await livePods()).length;
    let refusing = true;
    const storm = (async () => {
      while (refusing) {
        for (const pod of await livePods()) await setLoad(pod, 10, 20);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    })();
    await waitUntil('more pods', 120_000, async () => (await livePods()).length > before).finally(() => {
      refusing = false;
    });
    await storm;
  });

  it('goes on when the replica that leads is killed: the other one serves, leads, and writes', async () => {
    const holder = async () =>
      await kubectl(['--namespace', namespace, 'get', 'lease', 'starling-metrics-api', '--output', 'jsonpath={.spec.holderIdentity}']);
    const before = await holder();
    const leading = await findLeader();
    processes[leading]?.kill('SIGKILL');
    await deleteObject(namespace, `endpointslice/host-${PORTS[leading]}`);
    await waitUntil('another holder of the Lease', 60_000, async () => (await holder()) !== before);
    for (const pod of await livePods()) await setLoad(pod, 55);
    await waitUntil('the values of the other', 30_000, async () => (await readConnections()).every((value) => value === '55'));
    await waitUntil('the annotations of the other', 150_000, async () =>
      (await livePods()).every((pod) => annotationsOf(pod)[CONNECTIONS] === '55'),
    );
  });
});

function startMetricsApi(host: string, port: number, sidePort: number): ChildProcess {
  const flags = {
    kubeconfig: join(folder, 'kubeconfig'),
    namespace,
    host,
    port,
    'side-port': sidePort,
    certificate: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
    'watch-namespaces': namespace,
  };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  void once(child, 'exit');
  return child;
}

/** The index of the process that annotates, by its own word. */
async function findLeader(): Promise<number> {
  const server = await kubectl(['config', 'view', '--minify', '--output', 'jsonpath={.clusters[0].cluster.server}']);
  const host = new URL(server).hostname.replace(/\d+$/, '1');
  return waitUntil('one that leads', 30_000, async () => {
    const answers = await Promise.all(
      PORTS.map((_, index) => fetch(`http://${host}:${19_090 + index}/metrics`).then((answer) => answer.text())),
    );
    const leading = answers.findIndex((text) => text.includes('starling_metrics_api_leader 1'));
    return leading >= 0 && { leading };
  }).then(({ leading }) => leading);
}

/** To read how the API server proves itself. */
function authenticationReader(): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: namespace },
    subjects: [{ kind: 'ServiceAccount', name: 'metrics-api', namespace }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'extension-apiserver-authentication-reader' },
  };
}

/** The rights that the installation gives it, and no more. */
function rights(): object[] {
  const subject = { kind: 'ServiceAccount', name: 'metrics-api', namespace };
  const binding = (role: object) => ({ subjects: [subject], roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...role } });
  const rbac = 'rbac.authorization.k8s.io/v1';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'metrics-api' } },
    {
      apiVersion: rbac,
      kind: 'Role',
      metadata: { name: 'metrics-api' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'patch'] },
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update', 'patch'] },
      ],
    },
    { apiVersion: rbac, kind: 'RoleBinding', metadata: { name: 'metrics-api' }, ...binding({ kind: 'Role', name: 'metrics-api' }) },
    {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: namespace },
      ...binding({ kind: 'ClusterRole', name: 'system:auth-delegator' }),
    },
  ];
}

async function kubeconfig(server: string): Promise<string> {
  const token = await kubectl(['--namespace', namespace, 'create', 'token', 'metrics-api', '--duration', '2h']);
  const ca = await kubectl([
    'config',
    'view',
    '--minify',
    '--raw',
    '--flatten',
    '--output',
    'jsonpath={.clusters[0].cluster.certificate-authority-data}',
  ]);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user: { token: token.trim() } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

function fakeDelivery(): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'chat-delivery' },
    spec: {
      replicas: 2,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'delivery',
              // Its entry point is Node.
              image: `${STARLING}:${VERSION}`,
              imagePullPolicy: 'IfNotPresent',
              args: ['-e', FAKE_DELIVERY],
              ports: [{ name: 'side', containerPort: 9090 }],
              readinessProbe: { tcpSocket: { port: 'side' }, periodSeconds: 1 },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            },
          ],
        },
      },
    },
  };
}

function service(): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'starling-metrics-api' },
    spec: { ports: [{ name: 'https', port: 443, targetPort: PORTS[0] }] },
  };
}

function slice(host: string, port: number): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `host-${port}`, labels: { 'kubernetes.io/service-name': 'starling-metrics-api' } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port, protocol: 'TCP' }],
    endpoints: [{ addresses: [host], conditions: { ready: true } }],
  };
}

function apiService(authority: string): object {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: API_SERVICE },
    spec: {
      group: 'custom.metrics.k8s.io',
      version: 'v1beta2',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { name: 'starling-metrics-api', namespace, port: 443 },
      caBundle: Buffer.from(authority).toString('base64'),
    },
  };
}

function autoscaler(): object {
  const metric = (name: string, averageValue: string) => ({
    type: 'Pods',
    pods: { metric: { name }, target: { type: 'AverageValue', averageValue } },
  });
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'chat-delivery' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'chat-delivery' },
      minReplicas: 1,
      maxReplicas: 6,
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      metrics: [metric('starling_connections', '100'), metric('starling_refused_upgrades_per_second', '1')],
    },
  };
}

/** Ready, and not about to end. */
async function livePods(): Promise<LiveObject[]> {
  const pods = await listObjects(namespace, 'pods', 'app.kubernetes.io/component=delivery');
  const isReady = (pod: LiveObject) => pod['status'].conditions?.some((c: LiveObject) => c['type'] === 'Ready' && c['status'] === 'True');
  return pods.filter((pod) => isReady(pod) && pod['metadata'].deletionTimestamp === undefined);
}

function annotationsOf(pod: LiveObject | undefined): Record<string, string> {
  return pod?.['metadata'].annotations ?? {};
}

async function setLoad(pod: LiveObject, connections: number, refused = 0): Promise<void> {
  await fetch(`http://${pod['status'].podIP}:9090/set?connections=${connections}&refused=${refused}`);
}

function path(metric: string): string {
  const selector = encodeURIComponent('app.kubernetes.io/instance=chat,app.kubernetes.io/component=delivery');
  return `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${namespace}/pods/*/${metric}?labelSelector=${selector}`;
}

/** Of the group, in the document in which the API server tells of all. */
async function readDiscovery(): Promise<{ versions: { freshness: string; resources: unknown[] }[] }> {
  const kubeconfigFile = JSON.parse(await readFile(join(folder, 'kubeconfig'), 'utf8')) as LiveObject;
  const { server, 'certificate-authority-data': authority } = kubeconfigFile['clusters'][0].cluster;
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const headers = { accept, authorization: `Bearer ${kubeconfigFile['users'][0].user.token}` };
  const text = await new Promise<string>((resolve, reject) => {
    get(`${server}/apis`, { headers, ca: Buffer.from(authority, 'base64') }, async (answer) => {
      let body = '';
      for await (const chunk of answer) body += chunk;
      resolve(body);
    }).on('error', reject);
  });
  const { items } = JSON.parse(text) as { items: (LiveObject & { versions: { freshness: string; resources: unknown[] }[] })[] };
  return items.find((item) => item['metadata'].name === 'custom.metrics.k8s.io') ?? { versions: [] };
}

async function readConnections(): Promise<string[]> {
  const list = JSON.parse(await kubectl(['get', '--raw', path('starling_connections')])) as LiveObject;
  return list['items'].map(({ value }: { value: string }) => value);
}
