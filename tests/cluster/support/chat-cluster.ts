import type { WrittenSpec } from '@starling/cdk8s/chat-cluster';
import { type Condition, waitForCondition } from './conditions.ts';
import { hostOf } from './ingress.ts';
import { apply } from './kubectl.ts';

/** After `apply`, on a node of two cores that others use too. */
const READY_MS = 360_000;

/** One pod of everything, which suffices where nothing is said about several. `spec`: what is to be otherwise. */
export function smallChatCluster(name: string, spec: Partial<WrittenSpec> = {}) {
  const storage = { size: '1Gi' };
  const small: WrittenSpec = {
    host: hostOf(name),
    registration: 'Open',
    services: { replicas: 1 },
    autoscaling: { source: 'None', minReplicas: 1, maxReplicas: 2 },
    delivery: { drainSeconds: 5 },
    data: { postgres: { builtin: { storage } }, log: { builtin: { storage } } },
    log: { partitions: 2 },
  };
  return { apiVersion: 'starling.chat/v1alpha1', kind: 'ChatCluster', metadata: { name }, spec: { ...small, ...spec } };
}

export async function installChatCluster(namespace: string, manifest: ReturnType<typeof smallChatCluster>): Promise<void> {
  await apply(namespace, manifest);
  await waitReady(namespace, manifest.metadata.name);
}

/** Whoever waits for what was just applied waits for the generation that it made. */
export function waitReady(namespace: string, name: string, within: number = READY_MS): Promise<Condition> {
  return waitForCondition(namespace, `chatcluster/${name}`, { type: 'Ready' }, within);
}

/** All conditions as `type status reason`, for messages and comparisons. */
export function conditionsText(chatCluster: { status?: { conditions?: Condition[] } } | undefined): string {
  return (chatCluster?.status?.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`).join(', ');
}
