import type { Resource } from '@starling/operator/kube/index.ts';

const LABELS = { app: 'leftover' };
const TEMPLATE = { metadata: { labels: LABELS }, spec: { containers: [{ name: 'main', image: 'localhost/absent:1' }] } };
const SELECTOR = { matchLabels: LABELS };

/** As small as the API accepts it, without any pod. */
const SPECS: Record<string, object> = {
  Service: { ports: [{ port: 80 }] },
  Deployment: { replicas: 0, selector: SELECTOR, template: TEMPLATE },
  StatefulSet: { replicas: 0, serviceName: 'leftover', selector: SELECTOR, template: TEMPLATE },
  PodDisruptionBudget: { maxUnavailable: 1, selector: SELECTOR },
  HorizontalPodAutoscaler: { maxReplicas: 1, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'leftover' } },
  Ingress: { rules: [{ host: 'leftover.starling.test' }] },
  NetworkPolicy: { podSelector: SELECTOR },
  Job: { suspend: true, template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, restartPolicy: 'Never' } } },
};

/**
 * An object as an earlier version of the operator could have made it for a ChatCluster, and this one does not want.
 *
 * @param uid of the ChatCluster that owns it; undefined: nobody owns it.
 */
export function leftoverOf(
  { apiVersion, kind }: Resource,
  cluster: { name: string; uid: string | undefined },
  { name = 'leftover', labels = {} }: { name?: string; labels?: Record<string, string> } = {},
) {
  const owner = { apiVersion: 'starling.chat/v1alpha1', kind: 'ChatCluster', name: cluster.name, uid: cluster.uid, controller: true };
  const metadata = {
    name: `${cluster.name}-${name}`,
    labels: { 'starling.chat/cluster': cluster.name, ...labels },
    ...(cluster.uid === undefined ? {} : { ownerReferences: [owner] }),
  };
  const spec = SPECS[kind];
  return { apiVersion, kind, metadata, ...(spec ? { spec } : {}) };
}
