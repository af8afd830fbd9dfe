import type { KubeObject } from '../kube/types.ts';

/** By which delivery pods are found in the cluster. */
export const DELIVERY_LABELS = { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': 'delivery' };

/** A delivery pod that takes sockets. */
export interface DeliveryPod {
  uid: string;
  namespace: string;
  name: string;
  /** The ChatCluster to which it belongs, by name. */
  cluster: string;
  address: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** Undefined: it is no delivery pod, not ready, or about to end. */
export function readDeliveryPod(pod: KubeObject): DeliveryPod | undefined {
  const { uid, name, namespace, labels = {}, annotations = {}, deletionTimestamp } = pod.metadata;
  const status = (pod.status ?? {}) as { podIP?: string; conditions?: { type: string; status: string }[] };
  const ready = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  const cluster = labels['app.kubernetes.io/instance'];
  if (!ready || deletionTimestamp !== undefined || !status.podIP || namespace === undefined || cluster === undefined) return undefined;
  if (Object.entries(DELIVERY_LABELS).some(([label, value]) => labels[label] !== value)) return undefined;
  return { uid, namespace, name, cluster, address: status.podIP, labels, annotations };
}
