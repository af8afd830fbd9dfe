import type { KubeClient, KubeObject, Resource } from '@starling/operator/kube/index.ts';
import { RESOURCES } from '@starling/operator/kube/index.ts';
import { ownedKinds } from '@starling/operator/reconcile/inventory.ts';

const CLUSTER_LABEL = 'starling.chat/cluster';

/** Every kind that the operator makes for a ChatCluster without KEDA, and the volumes' claims. */
export const OWNED_KINDS: Resource[] = [...ownedKinds({ keda: false }), RESOURCES.PersistentVolumeClaim];

/** All objects that belong to the ChatCluster, by its label: those it owns, and those that outlive it. */
export async function listOwned(client: KubeClient, namespace: string, name: string): Promise<KubeObject[]> {
  const lists = await Promise.all(
    OWNED_KINDS.map((resource) => client.list(resource, { namespace, labelSelector: `${CLUSTER_LABEL}=${name}` })),
  );
  return lists.flat();
}

export function nameOf({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string {
  return `${kind}/${metadata.name}`;
}

type Parts = Record<string, unknown>;

/** Annotations and labels that Kubernetes itself writes, with other values each time. */
const OF_KUBERNETES = /^(deployment|pv|volume|volume\.beta|batch)\.kubernetes\.io\/|^(controller-uid|job-name)$/;
/** Fields of the spec that the API gives a new value each time that the object is made. */
const GIVEN: Record<string, string[]> = {
  Service: ['clusterIP', 'clusterIPs'],
  Job: ['selector', 'template'],
  PersistentVolumeClaim: ['volumeName'],
};

/**
 * What an object is meant to be: all of it but its status, the bookkeeping of the API (versions, times, managedFields), and what
 * Kubernetes writes anew each time that an object of this name is made.
 */
export function meaningOf(object: KubeObject): object {
  const { apiVersion, kind, metadata, status: _, ...rest } = object;
  const kept = (entries: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(entries).filter(([name]) => !OF_KUBERNETES.test(name)));
  const { labels, annotations, ownerReferences = [], ['finalizers' as never]: finalizers = [] } = metadata;
  const spec = Object.fromEntries(Object.entries((rest['spec'] ?? {}) as Parts).filter(([name]) => !GIVEN[kind]?.includes(name)));
  const named = { name: metadata.name, labels: kept(labels), annotations: kept(annotations), ownerReferences, finalizers };
  return { apiVersion, kind, metadata: named, ...rest, spec };
}
