import type { k8s } from 'cdk8s-plus-28';
import type { RenderInput } from './input.ts';
import { selectorOf } from './labels.ts';

const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

type Scheduling = Pick<
  k8s.PodSpec,
  'topologySpreadConstraints' | 'affinity' | 'nodeSelector' | 'tolerations' | 'priorityClassName' | 'imagePullSecrets'
>;

/**
 * Where the pods of a component may run: spread over nodes and zones where there are several, on one node where there is
 * but one; and what the spec says.
 */
export function schedulingOf(input: RenderInput, component: string): Scheduling {
  const labelSelector = { matchLabels: selectorOf(input.name, component) };
  const spread = (topologyKey: string) => ({ maxSkew: 1, topologyKey, whenUnsatisfiable: 'ScheduleAnyway', labelSelector });
  return {
    topologySpreadConstraints: [spread(HOST), spread(ZONE)],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: { topologyKey: HOST, labelSelector } }],
      },
    },
    ...placement(input),
  };
}

/** What the spec says of every pod, the Jobs' too. */
export function placement({
  spec,
}: RenderInput): Pick<Scheduling, 'nodeSelector' | 'tolerations' | 'priorityClassName' | 'imagePullSecrets'> {
  const { nodeSelector, tolerations, priorityClassName } = spec.scheduling;
  return {
    ...(nodeSelector && { nodeSelector }),
    ...(tolerations && { tolerations }),
    ...(priorityClassName !== undefined && { priorityClassName }),
    ...(spec.image.pullSecrets && { imagePullSecrets: spec.image.pullSecrets }),
  };
}
