import { k8s } from 'cdk8s-plus-28';
import type { Manifest, RenderInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';
import { canonicalQuantity } from './quantities.ts';

const SERVICE = 'delivery';
const CONNECTIONS_METRIC = 'starling_connections';
const REFUSED_METRIC = 'starling_refused_upgrades_per_second';
/** Of each pod: at its cap it has no more connections to show, but turns people away. */
const REFUSED_PER_SECOND = '1';
/** The same as Prometheus counts it. */
const REFUSED_COUNTER = 'starling_refused_upgrades_total';
/** A pod that drains refuses too, and more pods would not help. */
const REFUSED_FOR_ROOM = 'reason=~"full|rate"';

/** Renders what scales delivery, or nothing: then the Deployment has its number of pods itself. */
export function renderAutoscale(input: RenderInput): Manifest[] {
  switch (input.spec.autoscaling.source) {
    case 'Builtin':
    case 'PrometheusAdapter':
      return [renderHorizontalPodAutoscaler(input)];
    case 'Keda':
      return [renderScaledObject(input)];
    case 'None':
      return [];
  }
}

function renderHorizontalPodAutoscaler(input: RenderInput): Manifest {
  const { minReplicas, maxReplicas, targetConnections } = input.spec.autoscaling;
  const perPod = (name: string, average: string): k8s.MetricSpecV2 => ({
    type: 'Pods',
    pods: { metric: { name }, target: { type: 'AverageValue', averageValue: k8s.Quantity.fromString(canonicalQuantity(average)) } },
  });
  return k8s.KubeHorizontalPodAutoscalerV2.manifest({
    metadata: ownedMetadata(input, names.of(input.name, SERVICE), SERVICE),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: names.of(input.name, SERVICE) },
      minReplicas,
      maxReplicas,
      metrics: [perPod(CONNECTIONS_METRIC, String(targetConnections)), perPod(REFUSED_METRIC, REFUSED_PER_SECOND)],
      behavior: behaviorOf(input),
    },
  });
}

/** Up at once; down by one pod in the time that a pod takes to send its people elsewhere. */
function behaviorOf({ spec }: RenderInput): k8s.HorizontalPodAutoscalerBehaviorV2 {
  return {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Percent', value: 100, periodSeconds: 15 },
        { type: 'Pods', value: 4, periodSeconds: 15 },
      ],
    },
    scaleDown: {
      stabilizationWindowSeconds: spec.autoscaling.windowSeconds,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 1, periodSeconds: spec.delivery.drainSeconds }],
    },
  };
}

/** KEDA makes an autoscaler of it, with a name of its own. */
function renderScaledObject(input: RenderInput): Manifest {
  const { minReplicas, maxReplicas, targetConnections, prometheusUrl = '' } = input.spec.autoscaling;
  const name = names.of(input.name, SERVICE);
  // Of the Deployment's own pods, `<name>-<revision>-<id>`: there may be a ChatCluster whose name begins with this one.
  const pods = `namespace="${input.namespace}",pod=~"${name}-[^-]+-[^-]+"`;
  const trigger = (metric: string, query: string, threshold: string) => ({
    type: 'prometheus',
    name: metric.replaceAll('_', '-'),
    metricType: 'AverageValue',
    metadata: { serverAddress: prometheusUrl, query, threshold },
  });
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: ownedMetadata(input, name, SERVICE),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicaCount: minReplicas,
      maxReplicaCount: maxReplicas,
      pollingInterval: 15,
      advanced: { horizontalPodAutoscalerConfig: { behavior: behaviorOf(input) } },
      triggers: [
        trigger(CONNECTIONS_METRIC, `sum(${CONNECTIONS_METRIC}{${pods}})`, String(targetConnections)),
        trigger(REFUSED_METRIC, `sum(rate(${REFUSED_COUNTER}{${pods},${REFUSED_FOR_ROOM}}[1m]))`, REFUSED_PER_SECOND),
      ],
    },
  };
}
