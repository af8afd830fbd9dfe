import { BlockList, isIPv6 } from 'node:net';
import type { Manifest } from './input.ts';

type Labels = Record<string, string>;

/** Whoever opens or takes connections: a pod, or an address that no pod has. */
export interface Endpoint {
  address: string;
  pod?: { namespace: string; labels: Labels };
}

export interface Connection {
  from: Endpoint;
  to: Endpoint;
  port: number;
  protocol: 'TCP' | 'UDP';
}

/** What the verdict depends on beside the two ends. */
export interface Network {
  policies: Manifest[];
  /** Labels of each namespace. */
  namespaces: Record<string, Labels>;
}

interface Selector {
  matchLabels?: Labels;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

interface Peer {
  podSelector?: Selector;
  namespaceSelector?: Selector;
  ipBlock?: { cidr: string; except?: string[] };
}

interface Rule {
  from?: Peer[];
  to?: Peer[];
  ports?: { port?: number | string; endPort?: number; protocol?: string }[];
}

interface Policy {
  namespace: string;
  podSelector: Selector;
  policyTypes: string[];
  ingress?: Rule[];
  egress?: Rule[];
}

type Direction = 'Ingress' | 'Egress';

/**
 * Judges connections as a network does that enforces `networking.k8s.io/v1` policies: one must be let out where it begins and
 * let in where it ends; an end that no policy selects lets everything through. A pod always reaches itself.
 */
export function createPolicyJudge({ policies, namespaces }: Network): (connection: Connection) => boolean {
  const parsed = policies
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map(({ metadata, spec }) => ({ ...(spec as Policy), namespace: metadata.namespace ?? '' }));
  const found = new Map<Endpoint, Policy[]>();
  const selecting = (end: Endpoint) => {
    const { pod } = end;
    const known =
      found.get(end) ?? parsed.filter(({ namespace, podSelector }) => namespace === pod?.namespace && matches(podSelector, pod.labels));
    found.set(end, known);
    return known;
  };
  const isPassed = (direction: Direction, own: Endpoint, other: Endpoint, { port, protocol }: Connection) => {
    const ofDirection = selecting(own).filter(({ policyTypes }) => policyTypes.includes(direction));
    if (ofDirection.length === 0) return true;
    return ofDirection.some(({ namespace, ingress, egress }) =>
      (direction === 'Ingress' ? ingress : egress)?.some(({ from, to, ports }) => {
        const peers = direction === 'Ingress' ? from : to;
        const isPort = !ports || ports.length === 0 || ports.some((one) => includes(one, port, protocol));
        return isPort && (!peers || peers.length === 0 || peers.some((peer) => isOf(peer, other, namespace, namespaces)));
      }),
    );
  };
  return (connection) => {
    const { from, to } = connection;
    return from === to || (isPassed('Egress', from, to, connection) && isPassed('Ingress', to, from, connection));
  };
}

function isOf(
  { podSelector, namespaceSelector, ipBlock }: Peer,
  { pod, address }: Endpoint,
  namespace: string,
  namespaces: Network['namespaces'],
): boolean {
  if (ipBlock) return isWithin(address, ipBlock.cidr) && !ipBlock.except?.some((network) => isWithin(address, network));
  if (!pod) return false;
  const inNamespace = namespaceSelector ? matches(namespaceSelector, namespaces[pod.namespace] ?? {}) : pod.namespace === namespace;
  return inNamespace && matches(podSelector ?? {}, pod.labels);
}

/** An empty selector matches everything. */
function matches({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          throw new Error(`a selector has no operator ${operator}`);
      }
    })
  );
}

function includes(rule: { port?: number | string; endPort?: number; protocol?: string }, port: number, protocol: string): boolean {
  if ((rule.protocol ?? 'TCP') !== protocol) return false;
  if (rule.port === undefined) return true;
  if (typeof rule.port === 'string') throw new Error(`port ${rule.port} has a name: what it means depends on the pod`);
  return port >= rule.port && port <= (rule.endPort ?? rule.port);
}

function isWithin(address: string, network: string): boolean {
  const [base = '', bits] = network.split('/');
  const family = isIPv6(base) ? 'ipv6' : 'ipv4';
  if ((family === 'ipv6') !== isIPv6(address)) return false;
  const list = new BlockList();
  list.addSubnet(base, Number(bits), family);
  return list.check(address, family);
}
