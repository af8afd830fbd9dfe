import type { FakeApiServer } from '../../operator/kube/test-fake-api-server.ts';
import type { KubeObject } from '../../operator/kube/types.ts';

/** More than any generation: whatever was asked for has been seen. */
const SEEN = 1_000_000;

/**
 * Plays Kubernetes's own controllers on a fake API: what the operator applies is there, ready and done at once. Each call
 * looks at what was applied since the one before.
 */
export function createControllers(api: FakeApiServer): () => void {
  let next = 0;
  return () => {
    for (; next < api.requests.length; next += 1) {
      const { method, path } = api.requests[next] ?? { method: '', path: '' };
      const [, kind, name = ''] = /\/(statefulsets|deployments|jobs)\/([^/]+)$/.exec(path) ?? [];
      const object = method === 'PATCH' && kind !== undefined ? api.read(path) : undefined;
      if (!object) continue;
      if (kind === 'jobs') finishJob(api, path, object);
      else {
        api.change(path, 'controller', (live) => ({ ...live, status: { ...live.status, ...readyStatus(live) } }));
        if (kind === 'statefulsets') bindClaim(api, object.metadata.namespace ?? '', name);
      }
    }
  };
}

function readyStatus({ spec }: KubeObject & { spec?: { replicas?: number } }): object {
  const replicas = spec?.replicas ?? 1;
  return {
    observedGeneration: SEEN,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
    conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }],
  };
}

function finishJob(api: FakeApiServer, path: string, job: KubeObject): void {
  const { name, namespace = '', labels = {} } = job.metadata;
  const result = name.includes('-expand-')
    ? { result: 'done', rulesLevel: 1, epoch: 1, migrations: {} }
    : { result: 'done', rulesLevel: 1 };
  const terminated = { exitCode: 0, message: JSON.stringify(result), finishedAt: '2030-01-01T00:00:00Z' };
  api.put(`/api/v1/namespaces/${namespace}/pods/${name}-x`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-x`, namespace, labels: { ...labels, 'batch.kubernetes.io/job-name': name } },
    status: { phase: 'Succeeded', containerStatuses: [{ name: 'job', state: { terminated } }] },
  });
  api.change(path, 'controller', (live) => ({ ...live, status: { conditions: [{ type: 'Complete', status: 'True' }] } }));
}

function bindClaim(api: FakeApiServer, namespace: string, set: string): void {
  const name = `data-${set}-0`;
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`;
  if (api.read(path)) return;
  const component = set.slice(set.lastIndexOf('-') + 1);
  api.put(path, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace,
      labels: {
        'app.kubernetes.io/name': 'starling',
        'app.kubernetes.io/instance': 'chat',
        'app.kubernetes.io/component': component,
        'app.kubernetes.io/managed-by': 'starling-operator',
        'starling.chat/cluster': 'chat',
        'starling.chat/data': 'true',
      },
    },
    spec: { resources: { requests: { storage: '10Gi' } } },
  });
}
