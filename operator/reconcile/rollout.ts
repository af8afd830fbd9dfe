import type { KubeObject } from '../kube/types.ts';

/** Where a rollout stands, as the API tells. `halted`: it will not go on without help; the pod and the cause are in `why`. */
export type Rollout = { state: 'complete' } | { state: 'progressing'; why: string } | { state: 'halted'; why: string };

interface DeploymentParts {
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    readyReplicas?: number;
    currentRevision?: string;
    updateRevision?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

/** The reasons for which a container waits that nothing but a change mends, or time. */
const HALTING = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);
const REVISION_LABELS = ['pod-template-hash', 'controller-revision-hash'];
const MESSAGE_LENGTH = 400;

/**
 * Judges a Deployment. Once its template was rolled out everywhere, pods that come and go (an autoscaler, a node's end)
 * are no rollout: it stays complete while one pod serves.
 *
 * @param pods those of the Deployment, of all its revisions.
 */
export function judgeDeployment(deployment: KubeObject, pods: readonly KubeObject[]): Rollout {
  const { spec, status = {} } = deployment as DeploymentParts;
  const { name } = deployment.metadata;
  const wanted = spec?.replicas ?? 1;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  if ((status.observedGeneration ?? 0) < (deployment.metadata.generation ?? 1))
    return { state: 'progressing', why: `Deployment ${name} was changed a moment ago` };
  const progress = status.conditions?.find(({ type }) => type === 'Progressing');
  const completedOnce = progress?.reason === 'NewReplicaSetAvailable';
  const updated = updatedReplicas >= Math.min(wanted, replicas || wanted) && replicas <= updatedReplicas;
  if (updated && wanted > 0 && (availableReplicas >= wanted || (completedOnce && availableReplicas > 0))) return { state: 'complete' };
  const trouble = findTrouble(newest(pods));
  if (trouble) return { state: 'halted', why: trouble };
  if (progress?.reason === 'ProgressDeadlineExceeded')
    return { state: 'halted', why: `Deployment ${name}: ${progress.message ?? 'no progress within its deadline'}` };
  const failure = status.conditions?.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True');
  if (failure)
    return { state: 'halted', why: `Deployment ${name}: ${shorten(failure.message ?? failure.reason ?? 'no pods can be made')}` };
  return {
    state: 'progressing',
    why: `Deployment ${name} has ${availableReplicas} of ${wanted} pods available, ${updatedReplicas} of them new`,
  };
}

/** Judges a StatefulSet, whose pods are replaced one by one. */
export function judgeStatefulSet(set: KubeObject, pods: readonly KubeObject[]): Rollout {
  const { spec, status = {} } = set as DeploymentParts;
  const { name } = set.metadata;
  const wanted = spec?.replicas ?? 1;
  if ((status.observedGeneration ?? 0) < (set.metadata.generation ?? 1))
    return { state: 'progressing', why: `StatefulSet ${name} was changed a moment ago` };
  const current = status.currentRevision === status.updateRevision || (status.updatedReplicas ?? 0) >= wanted;
  if (wanted > 0 && current && (status.readyReplicas ?? 0) >= wanted && (status.availableReplicas ?? status.readyReplicas ?? 0) >= wanted)
    return { state: 'complete' };
  const trouble = findTrouble(pods);
  if (trouble) return { state: 'halted', why: trouble };
  return { state: 'progressing', why: `StatefulSet ${name} has ${status.readyReplicas ?? 0} of ${wanted} pods ready` };
}

interface PodParts {
  metadata: KubeObject['metadata'];
  status?: {
    phase?: string;
    message?: string;
    reason?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

interface ContainerStatus {
  name: string;
  ready?: boolean;
  restartCount?: number;
  state?: { waiting?: { reason?: string; message?: string }; terminated?: Terminated };
  lastState?: { terminated?: Terminated };
}

interface Terminated {
  exitCode?: number;
  reason?: string;
  message?: string;
}

/** What keeps one of these pods from running: `pod NAME: CAUSE`. Undefined: nothing that the API tells. */
export function findTrouble(pods: readonly KubeObject[]): string | undefined {
  for (const pod of [...pods].sort((one, other) => one.metadata.name.localeCompare(other.metadata.name)) as PodParts[]) {
    const cause = pod.metadata.deletionTimestamp === undefined ? causeOf(pod) : undefined;
    if (cause) return `pod ${pod.metadata.name}: ${cause}`;
  }
  return undefined;
}

function causeOf({ status = {} }: PodParts): string | undefined {
  for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
    const waiting = container.state?.waiting;
    if (!waiting?.reason || !HALTING.has(waiting.reason)) continue;
    const ended = container.lastState?.terminated;
    const how = ended
      ? `its last run ended with code ${ended.exitCode ?? '?'}${ended.message ? `: ${ended.message}` : ''}`
      : waiting.message;
    return `${waiting.reason} of container ${container.name}${how ? ` (${shorten(how)})` : ''}`;
  }
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable')
    return `Unschedulable${scheduled.message ? ` (${shorten(scheduled.message)})` : ''}`;
  return undefined;
}

/**
 * The name of a pod that does not stay and still runs: one on its way out, or of an older template. A Deployment counts a
 * pod no more once that is to go, and one of delivery drains for long after that.
 */
export function findEnding(pods: readonly KubeObject[]): string | undefined {
  const staying = new Set(newest(pods));
  const runs = ({ status }: PodParts) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
  return pods.find((pod) => runs(pod) && (pod.metadata.deletionTimestamp !== undefined || !staying.has(pod)))?.metadata.name;
}

/** The pods of the newest template: by their age, since a revision's name says nothing about its turn. */
function newest(pods: readonly KubeObject[]): KubeObject[] {
  const revisionOf = (pod: KubeObject) => REVISION_LABELS.map((label) => pod.metadata.labels?.[label]).find((value) => value !== undefined);
  const youngest = [...pods]
    .sort((one, other) => (one.metadata.creationTimestamp ?? '').localeCompare(other.metadata.creationTimestamp ?? ''))
    .at(-1);
  return youngest ? pods.filter((pod) => revisionOf(pod) === revisionOf(youngest)) : [];
}

/** One line of it, so that it fits into a condition. */
export function shorten(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH)}…` : line;
}
