import type { Reading } from './loads.ts';

export const GROUP = 'custom.metrics.k8s.io';
export const VERSION = 'v1beta2';
const GROUP_VERSION = `${GROUP}/${VERSION}`;

/** The metrics of pods that are served. */
export const METRIC_NAMES = ['starling_connections', 'starling_refused_upgrades_per_second'] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/** What a request's path asks for. */
export type Question =
  /** Whether the server lives: answered to anybody. */
  | { is: 'health' }
  | { is: 'discovery'; path: string; answer: object; contentType: string }
  /** `pod`: a name, or `*` for all that the label selector matches. */
  | { is: 'metric'; namespace: string; pod: string; metric: MetricName };

export const JSON_TYPE = 'application/json';
const AGGREGATED = `${JSON_TYPE};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`;

const PODS_METRIC = new RegExp(`^/apis/${GROUP_VERSION}/namespaces/([^/]+)/pods/([^/]+)/([^/]+)$`);
const NAME = /^[a-z0-9][-a-z0-9.]*$/;

/**
 * Undefined: there is no such thing here.
 *
 * @param accept of the request: the API server asks for the discovery of all versions in one document.
 */
export function readPath(path: string, accept = ''): Question | undefined {
  if (path === '/healthz' || path === '/livez' || path === '/readyz') return { is: 'health' };
  if (path === '/apis' && accept.split(',').includes(AGGREGATED))
    return { is: 'discovery', path, answer: ALL_IN_ONE, contentType: AGGREGATED };
  const discovered = DISCOVERY.get(path);
  if (discovered) return { is: 'discovery', path, answer: discovered, contentType: JSON_TYPE };
  const [namespace, pod, name] = (PODS_METRIC.exec(path) ?? []).slice(1).map(unescapeSegment);
  const metric = METRIC_NAMES.find((known) => known === name);
  if (namespace === undefined || pod === undefined || metric === undefined) return undefined;
  if (!NAME.test(namespace) || (pod !== '*' && !NAME.test(pod))) return undefined;
  return { is: 'metric', namespace, pod, metric };
}

/** Clients write the star as it is or as `%2A`. */
function unescapeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

const THIS_VERSION = { groupVersion: GROUP_VERSION, version: VERSION };
const THIS_GROUP = { name: GROUP, versions: [THIS_VERSION], preferredVersion: THIS_VERSION };

const VERBS = ['get'];

/**
 * The only discovery that the API server asks for in the name of a user who may ask: for documents of single versions it
 * names one without any group.
 */
const ALL_IN_ONE = {
  kind: 'APIGroupDiscoveryList',
  apiVersion: 'apidiscovery.k8s.io/v2',
  metadata: {},
  items: [
    {
      metadata: { name: GROUP, creationTimestamp: null },
      versions: [
        {
          version: VERSION,
          resources: [
            {
              // Of pods themselves nothing is served, only of their metrics.
              resource: 'pods',
              responseKind: { group: '', version: '', kind: '' },
              scope: 'Namespaced',
              singularResource: '',
              verbs: [],
              subresources: METRIC_NAMES.map((subresource) => ({
                subresource,
                responseKind: { group: '', version: '', kind: 'MetricValueList' },
                verbs: VERBS,
              })),
            },
          ],
          freshness: 'Current',
        },
      ],
    },
  ],
};

const DISCOVERY = new Map<string, object>([
  ['/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: [THIS_GROUP] }],
  [`/apis/${GROUP}`, { kind: 'APIGroup', apiVersion: 'v1', ...THIS_GROUP }],
  [
    `/apis/${GROUP_VERSION}`,
    {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: GROUP_VERSION,
      resources: METRIC_NAMES.map((name) => ({
        name: `pods/${name}`,
        singularName: '',
        namespaced: true,
        kind: 'MetricValueList',
        verbs: VERBS,
      })),
    },
  ],
]);

export function renderMetricValues(
  namespace: string,
  metric: MetricName,
  values: readonly { pod: string; reading: Reading }[],
): Record<string, unknown> {
  return {
    kind: 'MetricValueList',
    apiVersion: GROUP_VERSION,
    metadata: {},
    items: values.map(({ pod, reading: { value, at, windowSeconds } }) => ({
      describedObject: { kind: 'Pod', namespace, name: pod, apiVersion: 'v1' },
      metric: { name: metric, selector: null },
      timestamp: new Date(at).toISOString().replace(/\.\d+Z$/, 'Z'),
      ...(windowSeconds === undefined ? {} : { windowSeconds: Math.round(windowSeconds) }),
      value: renderQuantity(value),
    })),
  };
}

/** A quantity of Kubernetes, in thousandths where it is not whole. */
function renderQuantity(value: number): string {
  return Number.isInteger(value) ? String(value) : `${Math.round(value * 1_000)}m`;
}

/** An answer other than what was asked for, as the Kubernetes API gives it. */
export function renderStatus(code: number, reason: string, message: string): Record<string, unknown> {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}
