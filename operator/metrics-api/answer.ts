import type { Clock } from '@starling/platform/clock';
import type { Access } from './authorize.ts';
import { GROUP, type MetricName, type Question, renderMetricValues, renderStatus, VERSION } from './custom-metrics.ts';
import type { DeliveryPod } from './delivery-pods.ts';
import { type LabelRequirement, matchesLabels, parseLabelSelector } from './label-selector.ts';
import type { Loads, Reading } from './loads.ts';

export interface Answer {
  status: number;
  body: object;
  /** JSON unless given. */
  contentType?: string;
}

/** From what answers are given. */
export interface Sources {
  /** The pods that take sockets now. */
  pods(): DeliveryPod[];
  loads: Loads;
  clock: Clock;
}

type Answerable = Exclude<Question, { is: 'health' }>;

/** The right that a question needs. */
export function accessOf(question: Answerable): Access {
  if (question.is === 'discovery') return { nonResourceAttributes: { path: question.path, verb: 'get' } };
  const { namespace, pod, metric } = question;
  const attributes = { verb: 'get', group: GROUP, version: VERSION, resource: 'pods' } as const;
  return { resourceAttributes: { ...attributes, namespace, subresource: metric, name: pod } };
}

/** Pods of which nothing is known are left out: the autoscaler then judges by the others, and shrinks no fleet for lack of answers. */
export function answer(question: Answerable, query: URLSearchParams, { pods, loads, clock }: Sources): Answer {
  if (question.is === 'discovery') return { status: 200, body: question.answer, contentType: question.contentType };
  const { namespace, pod: name, metric } = question;
  const selectors = readSelectors(query);
  if (!selectors)
    return { status: 400, body: renderStatus(400, 'BadRequest', 'labelSelector or metricLabelSelector is no label selector') };
  const now = clock.now();
  const values = pods()
    .filter((pod) => pod.namespace === namespace && (name === '*' ? matchesLabels(selectors.pods, pod.labels) : pod.name === name))
    .flatMap((pod) => {
      const reading = READ[metric](loads, pod.uid, now);
      // The metrics have no labels of their own.
      return reading && matchesLabels(selectors.metric, {}) ? [{ pod: pod.name, reading }] : [];
    });
  if (name !== '*' && values.length === 0)
    return { status: 404, body: renderStatus(404, 'NotFound', `${metric} of the pod ${namespace}/${name} is not known`) };
  return { status: 200, body: renderMetricValues(namespace, metric, values) };
}

const READ: Record<MetricName, (loads: Loads, uid: string, now: number) => Reading | undefined> = {
  starling_connections: (loads, uid, now) => loads.connections(uid, now),
  starling_refused_upgrades_per_second: (loads, uid, now) => loads.refusedUpgrades(uid, now),
};

function readSelectors(query: URLSearchParams): { pods: LabelRequirement[]; metric: LabelRequirement[] } | undefined {
  const pods = parseLabelSelector(query.get('labelSelector') ?? '');
  const metric = parseLabelSelector(query.get('metricLabelSelector') ?? '');
  return pods && metric && { pods, metric };
}
