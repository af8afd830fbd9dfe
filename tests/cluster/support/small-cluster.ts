import type { WrittenSpec } from '@starling/cdk8s/chat-cluster';
import { installChatCluster, smallChatCluster } from './chat-cluster.ts';
import { hostOf } from './ingress.ts';
import { OPERATOR_NAMESPACE, readOperatorManifest } from './install.ts';
import { kubectl } from './kubectl.ts';

/** Of the only ChatCluster in a test's namespace. */
export const NAME = 'chat';
export const REFERENCE = `chatcluster/${NAME}`;

/** Where people reach it. */
export function urlOf(namespace: string): string {
  return `https://${hostOf(namespace)}`;
}

/** So little is set aside for each pod that many fit on a small node. */
export const LITTLE = { requests: { cpu: '10m', memory: '64Mi' } };

/** Installs a ChatCluster of two pods of delivery and one of everything else; `spec` takes the place of whole sections. */
export async function bringUp(namespace: string, spec: Partial<WrittenSpec> = {}): Promise<void> {
  const storage = { size: '1Gi' };
  const small: Partial<WrittenSpec> = {
    host: hostOf(namespace),
    services: { replicas: 1, resources: LITTLE },
    autoscaling: { source: 'Builtin', minReplicas: 2, maxReplicas: 2 },
    delivery: { drainSeconds: 10, resources: LITTLE },
    data: {
      postgres: { builtin: { storage, resources: LITTLE } },
      log: { builtin: { storage, resources: { requests: { cpu: '10m', memory: '512Mi' }, limits: { memory: '1280Mi' } } } },
    },
  };
  await installChatCluster(namespace, smallChatCluster(NAME, { ...small, ...spec }));
}

/** Installs the operator. Where it is already, its pods stay. */
export async function ensureOperator(): Promise<void> {
  await kubectl(['apply', '--filename', '-'], await readOperatorManifest());
  await kubectl(['--namespace', OPERATOR_NAMESPACE, 'rollout', 'status', 'deployment', '--timeout=120s']);
}
