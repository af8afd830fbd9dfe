import { METRICS_API_LABELS } from '../parts/labels.ts';

/** Names of the installation's objects; the operator looks for some of them. */
export const NAMES = {
  operator: 'starling-operator',
  /** Rights to register the metrics API. */
  registration: 'starling-operator-metrics-api',
  keda: 'starling-operator-keda',
  metricsApi: 'starling-metrics-api',
  metricsApiReviews: 'starling-metrics-api-reviews',
  metricsApiTls: 'starling-metrics-api-tls',
  editor: 'starling-chatcluster-editor',
  viewer: 'starling-chatcluster-viewer',
} as const;

export const OPERATOR_LABELS = { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'operator' };

/** Which labels select the pods of which program. */
export const SELECTORS = { operator: OPERATOR_LABELS, metricsApi: METRICS_API_LABELS };

/** Of every object of the installation. */
export function installed(labels: Record<string, string> = { 'app.kubernetes.io/name': 'starling' }): Record<string, string> {
  return { ...labels, 'app.kubernetes.io/part-of': 'starling' };
}
