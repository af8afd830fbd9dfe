import type { Manifest } from '../parts/index.ts';
import { MONITORING_LABEL } from '../parts/labels.ts';
import { DNS_PORT, PORTS } from '../parts/ports.ts';
import { installed, NAMES, SELECTORS } from './metadata.ts';
import type { InstallationOptions } from './options.ts';

const tcp = (port: number) => ({ protocol: 'TCP', port });

/** The operator speaks to the Kubernetes API alone, and nobody to it but monitoring. */
export function renderOperatorPolicy(options: InstallationOptions): Manifest {
  return policy(options.namespace, 'operator', { ingress: [monitoring()], egress: [dns(), apiServer(options)] });
}

/** The metrics API asks the pods of delivery, in every namespace, and is asked by the Kubernetes API. */
export function renderMetricsApiPolicy(options: InstallationOptions): Manifest {
  const delivery = {
    namespaceSelector: {},
    podSelector: { matchLabels: { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'delivery' } },
  };
  return policy(options.namespace, 'metricsApi', {
    // From anywhere: the Kubernetes API is no pod. Whoever has not its certificate is refused inside.
    ingress: [{ ports: [tcp(PORTS.http)] }, monitoring()],
    egress: [dns(), apiServer(options), { to: [delivery], ports: [tcp(PORTS.side)] }],
  });
}

function policy(
  namespace: string,
  program: keyof typeof SELECTORS,
  { ingress, egress }: { ingress: object[]; egress: object[] },
): Manifest {
  const labels = SELECTORS[program];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: NAMES[program], namespace, labels: installed(labels) },
    spec: { podSelector: { matchLabels: labels }, policyTypes: ['Ingress', 'Egress'], ingress, egress },
  };
}

function monitoring(): object {
  return { from: [{ namespaceSelector: { matchLabels: { [MONITORING_LABEL]: 'true' } } }], ports: [tcp(PORTS.side)] };
}

/** The cluster's DNS, in its namespace or on the node itself (NodeLocal DNSCache, at its usual address). */
function dns(): object {
  return {
    to: [
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } },
      { ipBlock: { cidr: '169.254.20.10/32' } },
    ],
    ports: [{ protocol: 'UDP', port: DNS_PORT }, tcp(DNS_PORT)],
  };
}

function apiServer({ apiServer: { networks, ports } }: InstallationOptions): object {
  return { to: networks.map((cidr) => ({ ipBlock: { cidr } })), ports: ports.map(tcp) };
}
