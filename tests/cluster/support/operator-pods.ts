import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { waitUntil } from './conditions.ts';
import { OPERATOR_NAMESPACE } from './install.ts';
import { kubectl, type LiveObject, listObjects, readObject } from './kubectl.ts';
import { isOwnCluster, stateFile } from './state-folder.ts';

const NAME = 'starling-operator';
const LABELS = 'app.kubernetes.io/name=starling,app.kubernetes.io/component=operator';
const run = promisify(execFile);

/** The operator's pods, also those that are about to end. */
function operatorPods(): Promise<LiveObject[]> {
  return listObjects(OPERATOR_NAMESPACE, 'pods', LABELS);
}

/** Takes the operator away, until no pod of it is left. */
export async function stopOperator(): Promise<void> {
  await kubectl(['--namespace', OPERATOR_NAMESPACE, 'scale', 'deployment', NAME, '--replicas=0']);
  await waitUntil('the operator to be gone', 60_000, async () => (await operatorPods()).length === 0);
}

export async function startOperatorAgain(): Promise<void> {
  await kubectl(['--namespace', OPERATOR_NAMESPACE, 'scale', 'deployment', NAME, '--replicas=2']);
  await kubectl(['--namespace', OPERATOR_NAMESPACE, 'rollout', 'status', `deployment/${NAME}`, '--timeout=120s']);
}

/** Who holds the Lease. Empty: nobody. */
export async function readHolder(namespace: string = OPERATOR_NAMESPACE): Promise<string> {
  const lease = await readObject(namespace, `lease/${NAME}`);
  return lease?.['spec'].holderIdentity ?? '';
}

/** The pod that leads. */
export function findLeader(): Promise<LiveObject> {
  return waitUntil('a pod of the operator that leads', 60_000, async () => {
    const holder = await readHolder();
    return (await operatorPods()).find(({ metadata }) => holder.startsWith(`${metadata.name}_`));
  });
}

/** Kills the process of a pod's only container with SIGKILL, as the kernel does: it can tell nobody. */
export async function killProcess(pod: LiveObject): Promise<void> {
  const { namespace, name } = pod['metadata'];
  if (!isOwnCluster) {
    await kubectl(['--namespace', namespace, 'delete', 'pod', name, '--force', '--grace-period=0', '--wait=false']);
    return;
  }
  const id = (pod['status'].containerStatuses[0].containerID as string).replace(/^containerd:\/\//, '');
  await run(stateFile('ctr'), ['tasks', 'kill', '--signal', 'SIGKILL', id]);
}
