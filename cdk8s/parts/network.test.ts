import { describe, expect, it } from 'vitest';
import type { Manifest, RenderInput } from './input.ts';
import { labelsOf } from './labels.ts';
import { renderNetwork } from './render.ts';
import { EXTERNAL, inputOf, MINIMAL, PRODUCTION } from './test-inputs.ts';
import { createPolicyJudge, type Endpoint, type Network } from './test-policy-evaluator.ts';

const SERVICES = ['identity', 'user', 'conversation', 'delivery', 'web'];
const NAMESPACES: Network['namespaces'] = {
  chat: { 'kubernetes.io/metadata.name': 'chat' },
  elsewhere: { 'kubernetes.io/metadata.name': 'elsewhere' },
  'ingress-nginx': { 'kubernetes.io/metadata.name': 'ingress-nginx' },
  'kube-system': { 'kubernetes.io/metadata.name': 'kube-system' },
  monitoring: { 'kubernetes.io/metadata.name': 'monitoring', 'starling.chat/monitoring': 'true' },
  'starling-system': { 'kubernetes.io/metadata.name': 'starling-system' },
};

let addresses = 0;

function pod(namespace: string, labels: Record<string, string>): Endpoint {
  addresses += 1;
  return { address: `10.244.0.${addresses}`, pod: { namespace, labels } };
}

const ours = (component: string) => pod('chat', { ...labelsOf('acme', component), 'pod-template-hash': '1' });

/** Every pod of an installation, and whoever else there is around it. */
const ENDS: Record<string, Endpoint> = {
  ...Object.fromEntries(SERVICES.map((service) => [service, ours(service)])),
  migrate: ours('migrate'),
  postgres: ours('postgres'),
  'redpanda-0': ours('redpanda'),
  'redpanda-1': ours('redpanda'),
  'of no known component': ours('newcomer'),
  'web of another installation': pod('chat', labelsOf('other', 'web')),
  'web elsewhere': pod('elsewhere', labelsOf('acme', 'web')),
  'neighbour in the namespace': pod('chat', { app: 'wiki' }),
  ingress: pod('ingress-nginx', { 'app.kubernetes.io/name': 'ingress-nginx' }),
  prometheus: pod('monitoring', { app: 'prometheus' }),
  'metrics-api': pod('starling-system', { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'metrics-api' }),
  operator: pod('starling-system', { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'operator' }),
  dns: pod('kube-system', { 'k8s-app': 'kube-dns' }),
  'metrics server': pod('kube-system', { 'k8s-app': 'metrics-server' }),
  'node-local dns': { address: '169.254.20.10' },
  'node credentials': { address: '169.254.169.254' },
  'api server': { address: '10.0.0.1' },
  world: { address: '203.0.113.7' },
  'world by IPv6': { address: '2001:db8:1::7' },
};
const OURS = [...SERVICES, 'migrate', 'postgres', 'redpanda-0', 'redpanda-1', 'of no known component'];
const PORTS = [25, 53, 80, 443, 465, 587, 4318, 5432, 6443, 8080, 8443, 9090, 9093, 9443, 9644, 33145];

/** `from → to: port`, of all pairs of which one end is ours. */
function edgesOf(policies: Manifest[], ends: Record<string, Endpoint> = ENDS, namespaces = NAMESPACES): string[] {
  const isAllowed = createPolicyJudge({ policies, namespaces });
  const pairs = Object.entries(ends).flatMap((from) => Object.entries(ends).map((to) => [from, to] as const));
  return pairs
    .filter(([[from], [to]]) => from !== to && (OURS.includes(from) || OURS.includes(to)))
    .flatMap(([[fromName, from], [toName, to]]) => [
      ...PORTS.filter((port) => isAllowed({ from, to, port, protocol: 'TCP' })).map((port) => `${fromName} → ${toName}: ${port}`),
      ...PORTS.filter((port) => isAllowed({ from, to, port, protocol: 'UDP' })).map((port) => `${fromName} → ${toName}: ${port}/UDP`),
    ]);
}

const each = (froms: string[], tos: string[], ...ports: (string | number)[]) =>
  froms.flatMap((from) => tos.filter((to) => to !== from).flatMap((to) => ports.map((port) => `${from} → ${to}: ${port}`)));

const CLIENTS = [...SERVICES, 'migrate'];
const BROKERS = ['redpanda-0', 'redpanda-1'];

/** Everything that may be, by hand. All else may not. */
const CALLS = [
  'conversation → user: 9443',
  'delivery → conversation: 9443',
  'web → identity: 9443',
  'web → user: 8443',
  'web → conversation: 8443',
  'web → delivery: 8443',
];
const FROM_OUTSIDE = [...each(['ingress'], ['web', 'delivery'], 8080), ...each(['prometheus'], SERVICES, 9090)];
const TO_DNS = (from: string[]) => each(from, ['dns', 'node-local dns'], 53, '53/UDP');
const TO_WORLD = each(['identity'], ['world', 'world by IPv6'], 25, 443, 465, 587);
const TO_BUILTIN_DATA = [...each(CLIENTS, ['postgres'], 5432), ...each(CLIENTS, BROKERS, 9093), ...each(BROKERS, BROKERS, 33145)];

const policiesOf = (input: RenderInput) => renderNetwork(input);

/** The policies without those of these names. */
function without(policies: Manifest[], ...names: string[]): Manifest[] {
  const left = policies.filter(({ metadata }) => !names.includes(metadata.name));
  expect(left).toHaveLength(policies.length - names.length);
  return left;
}

describe('the edges', () => {
  it('of a minimal installation are these and no others', () => {
    const expected = [
      ...CALLS,
      ...FROM_OUTSIDE,
      ...TO_BUILTIN_DATA,
      ...TO_DNS([...CLIENTS, ...BROKERS]),
      ...TO_WORLD,
      'metrics-api → delivery: 9090',
    ];
    expect(edgesOf(policiesOf(inputOf(MINIMAL))).sort()).toEqual(expected.sort());
  });

  it('with tracing and an ingress controller elsewhere', () => {
    const toCollector = each(
      SERVICES,
      Object.keys(ENDS).filter((name) => !OURS.includes(name)),
      4318,
    );
    const policies = policiesOf(inputOf({ ...PRODUCTION, ingress: { controllerNamespace: 'elsewhere' } }));
    const expected = [
      ...CALLS,
      ...each(['web elsewhere'], ['web', 'delivery'], 8080),
      ...each(['prometheus'], SERVICES, 9090),
      'metrics-api → delivery: 9090',
      ...TO_BUILTIN_DATA,
      ...TO_DNS([...CLIENTS, ...BROKERS]),
      ...TO_WORLD,
      ...toCollector,
    ];
    expect(edgesOf(policies).sort()).toEqual(expected.sort());
  });

  it('to data of others go to its addresses, or anywhere on its ports', () => {
    const ends: Record<string, Endpoint> = {
      ...ENDS,
      database: { address: '192.0.2.10' },
      'database by IPv6': { address: '2001:db8::10' },
    };
    const edges = edgesOf(policiesOf(inputOf(EXTERNAL)), ends);
    // What has no policy of its own is still denied everything: nothing of this installation's is a database or broker.
    expect(edges.filter((edge) => /→ (postgres|redpanda-.):/.test(edge))).toEqual([]);
    expect(edges.filter((edge) => edge.startsWith('metrics-api'))).toEqual([]);
    const isAllowed = createPolicyJudge({ policies: policiesOf(inputOf(EXTERNAL)), namespaces: NAMESPACES });
    const allowed = (port: number, to: string) =>
      CLIENTS.every((from) => isAllowed({ from: ends[from] as Endpoint, to: ends[to] as Endpoint, port, protocol: 'TCP' }));
    expect([allowed(6432, 'database'), allowed(6432, 'database by IPv6'), allowed(6432, 'world'), allowed(5432, 'database')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([allowed(9094, 'world'), allowed(9095, 'world'), allowed(9093, 'world')]).toEqual([true, true, false]);
  });

  it('to a CloudNativePG cluster go to its pods', () => {
    const data = { postgres: { cloudNativePG: { cluster: 'pg' } } };
    const ends = { ...ENDS, cnpg: pod('chat', { 'cnpg.io/cluster': 'pg' }), 'other cnpg': pod('chat', { 'cnpg.io/cluster': 'other' }) };
    const edges = edgesOf(policiesOf(inputOf({ ...MINIMAL, data })), ends);
    expect(edges.filter((edge) => edge.endsWith(': 5432')).sort()).toEqual(each(CLIENTS, ['cnpg'], 5432).sort());
  });
});

describe('positive controls', () => {
  const policies = policiesOf(inputOf(MINIMAL));
  const before = new Set(edgesOf(policies));
  const opened = (changed: Manifest[], ends = ENDS, namespaces = NAMESPACES) => {
    return edgesOf(changed, ends, namespaces).filter((edge) => !before.has(edge));
  };

  it('without the policies of user, everybody reaches it', () => {
    const edges = opened(without(policies, 'acme-user', 'acme-default-deny'));
    expect(edges).toContain('neighbour in the namespace → user: 8443');
    expect(edges).toContain('user → world: 443');
  });

  it('without the denial of all, what has no policy of its own is open', () => {
    const edges = opened(without(policies, 'acme-default-deny'));
    expect(edges).toContain('of no known component → world: 443');
    expect(edges.filter((edge) => !edge.includes('of no known component'))).toEqual([]);
  });

  it('without the policy of a component it is cut off, since all is denied', () => {
    const left = edgesOf(without(policies, 'acme-web'));
    expect(left.filter((edge) => /(^| )web[ :]/.test(edge))).toEqual([]);
    expect(opened(without(policies, 'acme-web'))).toEqual([]);
  });

  it('labels decide: of a pod, and of a namespace', () => {
    const disguised = { ...ENDS, 'neighbour in the namespace': pod('chat', labelsOf('acme', 'web')) };
    expect(opened(policies, disguised)).toContain('neighbour in the namespace → identity: 9443');
    const watched = { ...NAMESPACES, elsewhere: { ...NAMESPACES['elsewhere'], 'starling.chat/monitoring': 'true' } };
    expect(opened(policies, ENDS, watched)).toEqual(each(['web elsewhere'], SERVICES, 9090));
    const renamed = { ...NAMESPACES, 'ingress-nginx': {} };
    expect(edgesOf(policies, ENDS, renamed).filter((edge) => edge.startsWith('ingress'))).toEqual([]);
  });
});

describe('the evaluator', () => {
  const here = pod('chat', { app: 'a' });
  const there = pod('elsewhere', { app: 'b' });
  const judge = (spec: object, port = 80, protocol: 'TCP' | 'UDP' = 'TCP') => {
    const policies = [{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'chat' }, spec }];
    return createPolicyJudge({ policies, namespaces: NAMESPACES })({ from: there, to: here, port, protocol });
  };
  const ingress = (...rules: object[]) => ({ podSelector: {}, policyTypes: ['Ingress'], ingress: rules });

  it.each([
    ['another pod', { ...ingress(), podSelector: { matchLabels: { app: 'c' } } }, true],
    ['the other direction', { podSelector: {}, policyTypes: ['Egress'] }, true],
    ['no rule', ingress(), false],
    ['a rule for all', ingress({}), true],
    ['a pod of its own namespace', ingress({ from: [{ podSelector: { matchLabels: { app: 'b' } } }] }), false],
    ['a pod of all namespaces', ingress({ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'b' } } }] }), true],
    ['the namespace or the pod', ingress({ from: [{ podSelector: { matchLabels: { app: 'x' } } }, { namespaceSelector: {} }] }), true],
    ['the namespace and another pod', ingress({ from: [{ podSelector: { matchLabels: { app: 'x' } }, namespaceSelector: {} }] }), false],
    ['a network', ingress({ from: [{ ipBlock: { cidr: '10.244.0.0/16' } }] }), true],
    ['a network without it', ingress({ from: [{ ipBlock: { cidr: '10.244.0.0/16', except: [`${there.address}/32`] } }] }), false],
    ['the port', ingress({ ports: [{ port: 80 }] }), true],
    ['another port', ingress({ ports: [{ port: 81 }] }), false],
    ['a range', ingress({ ports: [{ port: 70, endPort: 90 }] }), true],
    ['another protocol', ingress({ ports: [{ port: 80, protocol: 'UDP' }] }), false],
    [
      'an expression',
      ingress({ from: [{ namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['b'] }] } }] }),
      true,
    ],
    [
      'an absence',
      ingress({ from: [{ namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } }] }),
      false,
    ],
  ])('judges a policy of %s', (_, spec, expected) => {
    expect(judge(spec)).toBe(expected);
  });
});
