import { k8s } from 'cdk8s-plus-28';
import type { Catalogue } from './catalogue.ts';
import { brokersOf, type Destination, databaseOf } from './data.ts';
import type { Manifest, RenderInput } from './input.ts';
import { instanceSelector, METRICS_API_LABELS, MONITORING_LABEL, selectorOf } from './labels.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';
import { BROKER_PORTS, DNS_PORT, PORTS, POSTGRES_PORT } from './ports.ts';

type Peers = k8s.NetworkPolicyPeer[];

/** Who may come in, or where a pod may go. */
interface Edges {
  ingress?: k8s.NetworkPolicyIngressRule[];
  egress?: k8s.NetworkPolicyEgressRule[];
}

/** Mail, and what speaks HTTPS: sign-on providers. */
const WORLD_PORTS = [25, 443, 465, 587];
/** Where a cluster's own pods, Services and nodes are, and where clouds keep the credentials of nodes. */
const NOT_THE_WORLD = {
  '0.0.0.0/0': ['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  '::/0': ['::1/128', 'fc00::/7', 'fe80::/10'],
};
/** The cache of names that some clusters run on each node, outside the network of pods. */
const NODE_LOCAL_DNS = '169.254.20.10/32';

/** Nobody may speak to anybody but as one of the policies of the components says. Probes by the node need no rule. */
export function renderPolicies(input: RenderInput, catalogue: Catalogue): Manifest[] {
  return [
    renderPolicy(input, names.defaultDeny(input.name), instanceSelector(input.name), {}),
    ...catalogue.names.map((service) => renderComponentPolicy(input, service, serviceEdges(input, catalogue, service))),
    renderComponentPolicy(input, 'migrate', { egress: [dns(), ...toData(input)] }),
    ...(input.spec.data.postgres.builtin ? [renderComponentPolicy(input, 'postgres', postgresEdges(input, catalogue))] : []),
    ...(input.spec.data.log.builtin ? [renderComponentPolicy(input, 'redpanda', redpandaEdges(input, catalogue))] : []),
  ];
}

function serviceEdges(input: RenderInput, catalogue: Catalogue, service: string): Edges {
  const { spec } = input;
  const { ingress, outside } = catalogue.describe(service);
  const callers = catalogue.names.map((caller) => ({
    caller,
    ports: callPorts(catalogue.calleesOf(caller).find(({ callee }) => callee === service)),
  }));
  return {
    ingress: [
      ...callers.filter(({ ports }) => ports.length > 0).map(({ caller, ports }) => ({ from: pods(input, caller), ports: tcp(...ports) })),
      ...(ingress ? [{ from: inNamespace(spec.ingress.controllerNamespace), ports: tcp(PORTS.ingress) }] : []),
      { from: [{ namespaceSelector: { matchLabels: { [MONITORING_LABEL]: 'true' } } }], ports: tcp(PORTS.side) },
      ...(service === 'delivery' && spec.autoscaling.source === 'Builtin'
        ? [{ from: inNamespace(input.operatorNamespace, METRICS_API_LABELS), ports: tcp(PORTS.side) }]
        : []),
    ],
    egress: [
      dns(),
      ...catalogue.calleesOf(service).map((call) => ({ to: pods(input, call.callee), ports: tcp(...callPorts(call)) })),
      ...toData(input),
      ...(spec.tracing ? [toCollector(spec.tracing.otlpEndpoint)] : []),
      ...(outside ? [toWorld()] : []),
    ],
  };
}

function callPorts(call: { http: boolean; rpc: boolean } | undefined): number[] {
  return [...(call?.http ? [PORTS.http] : []), ...(call?.rpc ? [PORTS.rpc] : [])];
}

function postgresEdges(input: RenderInput, catalogue: Catalogue): Edges {
  return { ingress: [{ from: fromClients(input, catalogue), ports: tcp(POSTGRES_PORT) }] };
}

function redpandaEdges(input: RenderInput, catalogue: Catalogue): Edges {
  const neighbours = pods(input, 'redpanda');
  return {
    ingress: [
      { from: fromClients(input, catalogue), ports: tcp(BROKER_PORTS.kafka) },
      { from: neighbours, ports: tcp(BROKER_PORTS.rpc) },
    ],
    egress: [dns(), { to: neighbours, ports: tcp(BROKER_PORTS.rpc) }],
  };
}

/** Who uses database and brokers. */
function fromClients(input: RenderInput, catalogue: Catalogue): Peers {
  return [...catalogue.names, 'migrate'].flatMap((component) => pods(input, component));
}

function toData(input: RenderInput): k8s.NetworkPolicyEgressRule[] {
  const database = databaseOf(input);
  const brokers = brokersOf(input);
  return [toDestination(database.where, [database.port]), toDestination(brokers.where, brokers.ports)];
}

function toDestination(where: Destination, ports: number[]): k8s.NetworkPolicyEgressRule {
  if (where === 'anywhere') return { ports: tcp(...ports) };
  if ('addresses' in where)
    return { to: where.addresses.map((address) => ({ ipBlock: { cidr: networkOf(address) } })), ports: tcp(...ports) };
  return { to: [{ podSelector: { matchLabels: where.pods } }], ports: tcp(...ports) };
}

/** The collector's host may be a Service, whose pods nobody here knows: the port alone is given. */
function toCollector(endpoint: string): k8s.NetworkPolicyEgressRule {
  const { port, protocol } = new URL(endpoint);
  return { ports: tcp(port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)) };
}

function toWorld(): k8s.NetworkPolicyEgressRule {
  return { to: Object.entries(NOT_THE_WORLD).map(([cidr, except]) => ({ ipBlock: { cidr, except } })), ports: tcp(...WORLD_PORTS) };
}

function dns(): k8s.NetworkPolicyEgressRule {
  const to = [...inNamespace('kube-system', { 'k8s-app': 'kube-dns' }), { ipBlock: { cidr: NODE_LOCAL_DNS } }];
  return { to, ports: [port(DNS_PORT, 'UDP'), port(DNS_PORT, 'TCP')] };
}

function pods(input: RenderInput, component: string): Peers {
  return [{ podSelector: { matchLabels: selectorOf(input.name, component) } }];
}

/** Pods of a namespace: those with these labels, or all. */
function inNamespace(namespace: string, labels?: Record<string, string>): Peers {
  return [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      ...(labels && { podSelector: { matchLabels: labels } }),
    },
  ];
}

function networkOf(address: string): string {
  if (address.includes('/')) return address;
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function tcp(...numbers: number[]): k8s.NetworkPolicyPort[] {
  return numbers.map((number) => port(number, 'TCP'));
}

function port(number: number, protocol: string): k8s.NetworkPolicyPort {
  return { port: k8s.IntOrString.fromNumber(number), protocol };
}

function renderComponentPolicy(input: RenderInput, component: string, edges: Edges): Manifest {
  return renderPolicy(input, names.of(input.name, component), selectorOf(input.name, component), edges, component);
}

function renderPolicy(input: RenderInput, name: string, matchLabels: Record<string, string>, edges: Edges, component?: string): Manifest {
  return k8s.KubeNetworkPolicy.manifest({
    metadata: ownedMetadata(input, name, component),
    spec: { podSelector: { matchLabels }, policyTypes: ['Ingress', 'Egress'], ...edges },
  });
}
