import {
  connectByKubeconfig,
  createKubeClient,
  type KubeClient,
  type KubeObject,
  RESOURCES,
  referenceOf,
  watchObjects,
} from '@starling/operator/kube/index.ts';

type Parts = Record<string, never> & {
  spec: { replicas?: number; template: { metadata: object; spec: object }; volumeClaimTemplates?: object[] };
};

const KINDS = [RESOURCES.Deployment, RESOURCES.StatefulSet, RESOURCES.Job, RESOURCES.HorizontalPodAutoscaler];
const NOW = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
const RESULT = JSON.stringify({ result: 'done', rulesLevel: 1, epoch: 1, migrations: {} });

/**
 * Says of every workload what Kubernetes would once its pods run, and makes the objects that pods and claims would be, where
 * nothing runs any: for what an operator costs, not for what it does.
 */
export function pretendControllers(kubeconfig: string): { close(): Promise<void> } {
  const connection = connectByKubeconfig(kubeconfig);
  const client = createKubeClient(connection);
  const pending = new Set<Promise<void>>();
  const cache = watchObjects(connection, {
    kinds: KINDS.map((resource) => ({ resource, labelSelector: 'starling.chat/cluster' })),
    onChange(object, change) {
      if (change === 'deleted' || isDone(object)) return;
      const work = pretend(client, object)
        .catch((error: Error) => console.error(`${object.kind} ${object.metadata.name}: ${error.message}`))
        .finally(() => pending.delete(work));
      pending.add(work);
    },
  });
  return {
    async close() {
      await cache.stop();
      await Promise.all(pending);
      await connection.close();
    },
  };
}

function isDone({ kind, metadata, status }: KubeObject): boolean {
  if (kind === 'Job') return Array.isArray(status?.['conditions']);
  if (kind === 'HorizontalPodAutoscaler') return Array.isArray(status?.['conditions']);
  return status?.['observedGeneration'] === metadata.generation;
}

async function pretend(client: KubeClient, object: KubeObject): Promise<void> {
  const { kind, metadata } = object;
  const { spec } = object as unknown as Parts;
  const count = spec.replicas ?? 1;
  if (kind === 'HorizontalPodAutoscaler') {
    const condition = { type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound', message: '', lastTransitionTime: NOW() };
    await setStatus(client, object, { conditions: [condition], currentReplicas: 1, desiredReplicas: 1 });
    return;
  }
  if (kind === 'StatefulSet') await makeClaims(client, object, spec);
  for (let index = 0; index < count; index += 1) await makePod(client, object, spec, kind === 'Job' ? '-done' : `-${index}`);
  const observed = { observedGeneration: metadata.generation };
  if (kind === 'Deployment') {
    const progress = {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: '',
      lastTransitionTime: NOW(),
      lastUpdateTime: NOW(),
    };
    const all = { replicas: count, updatedReplicas: count, readyReplicas: count, availableReplicas: count };
    await setStatus(client, object, { ...observed, ...all, conditions: [progress] });
  } else if (kind === 'StatefulSet') {
    const all = {
      replicas: count,
      updatedReplicas: count,
      readyReplicas: count,
      availableReplicas: count,
      currentRevision: 'one',
      updateRevision: 'one',
    };
    await setStatus(client, object, { ...observed, ...all });
  } else {
    const condition = (type: string) => ({ type, status: 'True', reason: 'CompletionsReached', lastTransitionTime: NOW() });
    const times = { startTime: NOW(), completionTime: NOW() };
    await setStatus(client, object, { ...times, succeeded: 1, conditions: [condition('SuccessCriteriaMet'), condition('Complete')] });
  }
}

function setStatus(client: KubeClient, object: KubeObject, status: object): Promise<KubeObject> {
  return client.patch(referenceOf(object), { status }, { subresource: 'status', manager: 'pretended' });
}

async function makeClaims(client: KubeClient, { metadata }: KubeObject, spec: Parts['spec']): Promise<void> {
  for (const template of (spec.volumeClaimTemplates ?? []) as KubeObject[]) {
    const name = `${template.metadata.name}-${metadata.name}-0`;
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { ...template.metadata, name, namespace: metadata.namespace as string },
      spec: template['spec'],
    };
    await unlessThere(client.create(claim));
  }
}

async function makePod(client: KubeClient, { kind, metadata }: KubeObject, { template }: Parts['spec'], suffix: string): Promise<void> {
  const namespace = metadata.namespace as string;
  const { labels = {}, ...rest } = template.metadata as { labels?: Record<string, string> };
  const ofJob = kind === 'Job' ? { 'batch.kubernetes.io/job-name': metadata.name } : {};
  const name = `${metadata.name}${suffix}`;
  const claimed = { volumes: [...((template.spec as { volumes?: object[] }).volumes ?? []), { name: 'data', emptyDir: {} }] };
  const spec = kind === 'StatefulSet' ? { ...template.spec, ...claimed } : template.spec;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...rest, name, namespace, labels: { ...labels, ...ofJob } }, spec };
  if (!(await unlessThere(client.create(pod)))) return;
  const terminated = { exitCode: 0, reason: 'Completed', message: RESULT, startedAt: NOW(), finishedAt: NOW() };
  const [container] = (spec as { containers: { name: string; image: string }[] }).containers;
  const state = kind === 'Job' ? { terminated } : { running: { startedAt: NOW() } };
  const containerStatuses = [
    { name: container?.name, image: container?.image, imageID: '', ready: kind !== 'Job', restartCount: 0, state },
  ];
  const reference = { resource: RESOURCES.Pod, namespace, name };
  await client.patch(
    reference,
    { status: { phase: kind === 'Job' ? 'Succeeded' : 'Running', containerStatuses } },
    { subresource: 'status' },
  );
}

/** Whether it was made. */
function unlessThere(made: Promise<unknown>): Promise<boolean> {
  return made.then(
    () => true,
    (error: { status?: number }) => {
      if (error.status === 409) return false;
      throw error;
    },
  );
}
