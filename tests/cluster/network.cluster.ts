import type { Manifest } from '@starling/cdk8s/parts';
import { labelsOf } from '@starling/cdk8s/parts';
import { calleesOf, SERVICE_NAMES } from '@starling/contracts/services';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPolicyJudge, type Endpoint } from '../../cdk8s/parts/test-policy-evaluator.ts';
import { installChatCluster, smallChatCluster } from './support/chat-cluster.ts';
import { type Attempt, connectFrom, LISTENER } from './support/connections.ts';
import {
  apply,
  createNamespace,
  deleteNamespace,
  deleteObject,
  installOperator,
  kubectl,
  type LiveObject,
  listObjects,
  OPERATOR_NAMESPACE,
  readObject,
  STARLING,
  VERSION,
  waitUntil,
} from './support/index.ts';

const NAME = 'net';
/** All ports that anything of Starling listens on; pods of the test listen on each. */
const PORTS = [4318, 5432, 8080, 8443, 9090, 9093, 9443, 9644, 33_145];
/** Declared, and nothing behind it: the broker that stands in for Redpanda has no neighbours, and whom nobody calls by RPC serves none. */
const BROKERS_RPC = 33_145;
const SERVICES_RPC = 9443;
/** Until rules of the node follow what changed in the API. */
const ENFORCED_MS = 120_000;

/** Whoever may try to connect, or be tried. */
interface End {
  endpoint: Endpoint;
  /** Where a program can be run; undefined: it is only tried. */
  program?: { namespace: string; name: string; container: string };
  tried: Omit<Attempt, 'address'>[];
}

let namespace: string;
let elsewhere: string;
let monitoring: string;
const ends = new Map<string, End>();

beforeAll(async () => {
  [namespace, elsewhere, monitoring] = await Promise.all([
    createNamespace('network'),
    createNamespace('elsewhere'),
    createNamespace('monitoring'),
  ]);
  await kubectl(['label', 'namespace', monitoring, 'starling.chat/monitoring=true']);
  await installOperator();
  const chatCluster = smallChatCluster(NAME, { autoscaling: { source: 'Builtin', minReplicas: 1, maxReplicas: 2 } });
  await installChatCluster(namespace, chatCluster);
  await findEnds();
}, 900_000);

afterAll(async () => {
  await Promise.all([namespace, elsewhere, monitoring].map(deleteNamespace));
});

async function findEnds(): Promise<void> {
  const standIns: [name: string, namespace: string, labels: Record<string, string>][] = [
    // The real ones have no Node, or have ended: policies know pods by their labels alone.
    ['as-postgres', namespace, labelsOf(NAME, 'postgres')],
    ['as-migrate', namespace, labelsOf(NAME, 'migrate')],
    ['of-no-known-component', namespace, labelsOf(NAME, 'newcomer')],
    ['web-of-another', namespace, labelsOf('other', 'web')],
    ['neighbour', namespace, { app: 'wiki' }],
    ['web-elsewhere', elsewhere, labelsOf(NAME, 'web')],
    ['prometheus', monitoring, { app: 'prometheus' }],
  ];
  for (const [name, where, labels] of standIns) await apply(where, standIn(name, labels));
  for (const [name, where] of standIns) ends.set(name, await findPod(where, { name }, PORTS));
  const called = SERVICE_NAMES.flatMap((caller) => calleesOf(caller).flatMap(({ callee, rpc }) => (rpc ? [callee] : [])));
  for (const service of SERVICE_NAMES) {
    const end = await findPod(namespace, { component: service });
    const tried = end.tried.filter(({ port }) => port !== SERVICES_RPC || called.includes(service));
    ends.set(service, { ...end, tried });
  }
  ends.set('redpanda', await findPod(namespace, { component: 'redpanda' }));
  const { program: _, ...postgres } = await findPod(namespace, { component: 'postgres' });
  ends.set('postgres', postgres);
  ends.set('operator', await findPod(OPERATOR_NAMESPACE, { component: 'operator' }));
  ends.set('metrics-api', await findPod(OPERATOR_NAMESPACE, { component: 'metrics-api' }));
  ends.set('ingress', await findPod('ingress-nginx', { labels: 'app.kubernetes.io/name=ingress-nginx' }));
  const { program: __, ...dns } = await findPod('kube-system', { labels: 'k8s-app=kube-dns' }, []);
  ends.set('dns', {
    ...dns,
    tried: [
      { port: 53, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ],
  });
  const [api] = (await readObject('default', 'endpoints/kubernetes'))?.['subsets'] ?? [];
  ends.set('api-server', { endpoint: { address: api.addresses[0].ip }, tried: [{ port: api.ports[0].port, protocol: 'TCP' }] });
}

function standIn(name: string, labels: Record<string, string>): object {
  const security = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { ...labels, 'starling.test/stand-in': name } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'main',
          image: `${STARLING}:${VERSION}`,
          args: ['-e', LISTENER, JSON.stringify(PORTS)],
          securityContext: security,
          // Never ready: no Service may take it for what it stands in for.
          readinessProbe: { tcpSocket: { port: 1 }, periodSeconds: 5 },
        },
      ],
    },
  };
}

/** A pod that runs, and its ports: those that it declares, or the given ones. */
async function findPod(where: string, by: { name?: string; component?: string; labels?: string }, ports?: number[]): Promise<End> {
  const own = where === namespace ? `,app.kubernetes.io/instance=${NAME}` : '';
  const selector =
    by.labels ??
    (by.name
      ? `starling.test/stand-in=${by.name}`
      : `app.kubernetes.io/name=starling,app.kubernetes.io/component=${by.component}${own},!starling.test/stand-in`);
  const pod = await waitUntil(`a pod ${selector}`, 60_000, async () => {
    const pods = await listObjects(where, 'pods', selector);
    return pods.find(({ metadata, status }) => status.phase === 'Running' && status.podIP && metadata.deletionTimestamp === undefined);
  });
  const [container] = pod['spec'].containers as LiveObject[];
  const declared = ((container?.['ports'] ?? []) as { containerPort: number }[]).map(({ containerPort }) => containerPort);
  const { name, labels } = pod['metadata'];
  return {
    endpoint: { address: pod['status'].podIP, pod: { namespace: where, labels } },
    program: { namespace: where, name, container: container?.['name'] },
    tried: (ports ?? declared.filter((port) => port !== BROKERS_RPC)).map((port) => ({ port, protocol: 'TCP' as const })),
  };
}

/** Every connection from every end that can run a program to every port of every other one. */
function attemptsFrom(from: string): { to: string; attempt: Attempt }[] {
  return [...ends].flatMap(([to, { endpoint, tried }]) =>
    to === from ? [] : tried.map((one) => ({ to, attempt: { ...one, address: endpoint.address } })),
  );
}

const edge = (from: string, to: string, { port, protocol }: Attempt) => `${from} → ${to}: ${port}${protocol === 'UDP' ? '/UDP' : ''}`;
const sources = () => [...ends].flatMap(([from, { program }]) => (program ? [{ from, program }] : []));

/** What gets through now. */
async function readEdges(): Promise<string[]> {
  const found: string[] = [];
  for (const { from, program } of sources()) {
    const attempts = attemptsFrom(from);
    const open = await connectFrom(
      program,
      attempts.map(({ attempt }) => attempt),
    );
    found.push(...attempts.flatMap(({ to, attempt }, index) => (open[index] ? [edge(from, to, attempt)] : [])));
  }
  return found.sort();
}

/** What should, by the policies that the API has. */
async function judgeEdges(): Promise<string[]> {
  const read = async (kinds: string) =>
    (JSON.parse(await kubectl(['get', kinds, '--all-namespaces', '--output=json'])) as { items: LiveObject[] }).items;
  const [policies, namespaces] = await Promise.all([read('networkpolicies'), read('namespaces')]);
  const isAllowed = createPolicyJudge({
    policies: policies as unknown as Manifest[],
    namespaces: Object.fromEntries(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
  });
  return sources()
    .flatMap(({ from }) =>
      attemptsFrom(from)
        .filter(({ to, attempt: { port, protocol } }) =>
          isAllowed({ from: ends.get(from)?.endpoint as Endpoint, to: ends.get(to)?.endpoint as Endpoint, port, protocol }),
        )
        .map(({ to, attempt }) => edge(from, to, attempt)),
    )
    .sort();
}

/** Compares until they agree, and fails with how they differ. */
async function expectEdges(expected: string[]): Promise<void> {
  let now: string[] = [];
  const agree = async () => {
    now = await readEdges();
    return now.join('\n') === expected.join('\n');
  };
  await waitUntil('the network to do as the policies say', ENFORCED_MS, agree).catch(() => {});
  expect({
    closed: expected.filter((one) => !now.includes(one)),
    open: now.filter((one) => !expected.includes(one)),
  }).toEqual({ closed: [], open: [] });
}

const all = () =>
  sources()
    .flatMap(({ from }) => attemptsFrom(from).map(({ to, attempt }) => edge(from, to, attempt)))
    .sort();

it('every pod reaches every other one exactly as the evaluator says of the rendered policies', async () => {
  const expected = await judgeEdges();
  await expectEdges(expected);
  console.log(`${all().length} connections tried, ${expected.length} allowed, all others refused`);
  // The evaluator is tested by itself; here, that it was asked about the right things.
  for (const one of [
    'web → identity: 9443',
    'ingress → web: 8080',
    'ingress → delivery: 8080',
    'metrics-api → delivery: 9090',
    'prometheus → identity: 9090',
    'as-migrate → postgres: 5432',
    'user → redpanda: 9093',
    'web → dns: 53/UDP',
    'operator → api-server: 6443',
  ])
    expect(expected).toContain(one);
  const ours = [...SERVICE_NAMES, 'redpanda', 'as-postgres', 'as-migrate', 'of-no-known-component'];
  for (const from of ours)
    expect(
      expected.filter(
        (one) =>
          one.startsWith(`${from} → `) && / → (api-server|neighbour|prometheus|web-elsewhere|operator|metrics-api|ingress):/.test(one),
      ),
    ).toEqual([]);
}, 600_000);

it('what is refused, the policies refuse: where everything is allowed beside them, every connection gets through', async () => {
  const open = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'everything' },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] },
  };
  try {
    for (const where of [namespace, OPERATOR_NAMESPACE]) await apply(where, open);
    expect(await judgeEdges()).toEqual(all());
    await expectEdges(all());
  } finally {
    for (const where of [namespace, OPERATOR_NAMESPACE]) await deleteObject(where, 'networkpolicy/everything');
  }
}, 600_000);

it('and without that, the same as before gets through', async () => {
  await expectEdges(await judgeEdges());
}, 600_000);
