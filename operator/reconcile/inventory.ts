import { CLUSTER_LABEL, DATA_LABEL } from '@starling/cdk8s/parts';
import { RESOURCES, type Resource } from '../kube/index.ts';
import type { Pass } from './work.ts';

/** The kinds of which the operator makes objects for a ChatCluster. KEDA's is among them only where KEDA is. */
export function ownedKinds(options: { keda: boolean }): Resource[] {
  return [
    RESOURCES.Secret,
    RESOURCES.ConfigMap,
    RESOURCES.ServiceAccount,
    RESOURCES.Service,
    RESOURCES.Deployment,
    RESOURCES.StatefulSet,
    RESOURCES.PodDisruptionBudget,
    RESOURCES.HorizontalPodAutoscaler,
    RESOURCES.Ingress,
    RESOURCES.NetworkPolicy,
    RESOURCES.Job,
    ...(options.keda ? [RESOURCES.ScaledObject] : []),
  ];
}

/** Deletes what belongs to this very ChatCluster and is not wanted any more. Never what is retained, nor what others own. */
export async function prune(pass: Pass, kinds: readonly Resource[]): Promise<void> {
  for (const resource of kinds) {
    const labelled = pass.cache.list(resource, { namespace: pass.namespace, labels: { [CLUSTER_LABEL]: pass.name } });
    for (const { metadata } of labelled) {
      const ours = metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === pass.uid);
      const kept = metadata.labels?.[DATA_LABEL] !== undefined || metadata.deletionTimestamp !== undefined;
      if (!ours || kept || pass.wanted.has(`${resource.kind} ${metadata.name}`)) continue;
      await pass.client.delete({ resource, name: metadata.name, namespace: pass.namespace }, { uid: metadata.uid });
      pass.logger.info({ cluster: `${pass.namespace}/${pass.name}`, object: `${resource.kind} ${metadata.name}` }, 'pruned');
    }
  }
}
