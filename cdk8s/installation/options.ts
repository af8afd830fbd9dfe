/** What differs between installations of the operator: of which there is one in a Kubernetes cluster. */
export interface InstallationOptions {
  /** Where the operator and the metrics API run. */
  namespace: string;
  images: {
    /** Of the operator and the metrics API, with its tag. */
    operator: string;
    /** Of Starling, without a tag: for ChatClusters that name none. */
    starling: string;
    /** The tag of it, for ChatClusters that name none. */
    version: string;
    redpanda: string;
    postgres: string;
  };
  /** Whether the built-in metrics API runs, on whose connections ChatClusters scale by default. */
  metricsApi: boolean;
  /** The only namespaces whose ChatClusters it looks after, with no rights in others; none named: all. */
  watchNamespaces: readonly string[];
  /** With what names of images may begin; none named: with anything. */
  allowedRegistries: readonly string[];
  /** Networks of the Kubernetes API, for the network policies. */
  apiServer: { networks: readonly string[]; ports: readonly number[] };
}

/** Any address: that of the Kubernetes API is not known before there is a cluster. */
const ANY_NETWORK = ['0.0.0.0/0', '::/0'];

/** As `kubectl apply -f k8s/operator.yaml` installs it. */
export function defaultOptions(version: string): InstallationOptions {
  return {
    namespace: 'starling-system',
    images: {
      operator: `ghcr.io/starling-chat/starling-operator:${version}`,
      starling: 'ghcr.io/starling-chat/starling',
      version,
      redpanda: 'docker.redpanda.com/redpandadata/redpanda:v25.2.1',
      postgres: 'docker.io/library/postgres:18.1',
    },
    metricsApi: true,
    watchNamespaces: [],
    allowedRegistries: [],
    apiServer: { networks: ANY_NETWORK, ports: [443, 6443] },
  };
}

/** Requests and limits of each pod of the two programs. */
export const RESOURCES = {
  operator: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '512Mi' } },
  metricsApi: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '384Mi' } },
} as const;
