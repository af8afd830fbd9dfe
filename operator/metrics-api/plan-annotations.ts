import { boundsOf, deletionCost } from './deletion-cost.ts';
import type { DeliveryPod } from './delivery-pods.ts';

/** Read by the operator, for the status of the ChatCluster. */
export const CONNECTIONS_ANNOTATION = 'starling.chat/connections';
/** Read by the ReplicaSet, when it has to choose among pods. */
export const COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

/** Changes of connections below this are not worth a write. */
const WORTHWHILE = 0.05;

export interface AnnotationPatch {
  pod: DeliveryPod;
  annotations: Record<string, string>;
}

/** What the pods of all fleets should be annotated with, where that differs enough from what they are annotated with. */
export function planAnnotations(pods: readonly { pod: DeliveryPod; connections: number }[]): AnnotationPatch[] {
  const fleets = Map.groupBy(pods, ({ pod }) => `${pod.namespace}/${pod.cluster}`);
  return [...fleets.values()].flatMap((fleet) => {
    const bounds = boundsOf(fleet.map(({ connections }) => connections));
    return fleet.flatMap(({ pod, connections }) => {
      const noted = readNumber(pod.annotations[CONNECTIONS_ANNOTATION]);
      const costed = readNumber(pod.annotations[COST_ANNOTATION]);
      const cost = deletionCost(connections, bounds, costed);
      if (cost === costed && noted !== undefined && !isWorthwhile(noted, connections)) return [];
      return [{ pod, annotations: { [CONNECTIONS_ANNOTATION]: String(connections), [COST_ANNOTATION]: String(cost) } }];
    });
  });
}

function isWorthwhile(noted: number, connections: number): boolean {
  return Math.abs(connections - noted) > WORTHWHILE * noted;
}

/** Undefined: not there, or written by somebody else in another form. */
function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
