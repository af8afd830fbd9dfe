import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ask, follow, type Live } from './kubernetes.ts';

/** Makes folders for claims of the class `standard`, lets them grow, and deletes them: what a storage driver does. */
const CLASS = 'standard';
const CLAIMS = '/api/v1/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
const [folder = '/volumes'] = process.argv.slice(2);

function provision({ metadata, spec }: Live): Promise<Live> {
  const name = `pvc-${metadata.uid}`;
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o770);
  return ask('POST', VOLUMES, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: spec.resources.requests.storage },
      accessModes: spec.accessModes,
      storageClassName: CLASS,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
      // A local volume, unlike one of kind hostPath, is given to the group of its pod.
      local: { path },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node1'] }] }] },
      },
    },
  });
}

/** A folder has no size: it is only written down. */
async function grow({ metadata, spec }: Live): Promise<void> {
  const { storage } = spec.resources.requests;
  const merge = 'application/merge-patch+json';
  await ask('PATCH', `${VOLUMES}/${spec.volumeName}`, { spec: { capacity: { storage } } }, merge);
  const path = `/api/v1/namespaces/${metadata.namespace}/persistentvolumeclaims/${metadata.name}/status`;
  await ask('PATCH', path, { status: { capacity: { storage } } }, merge);
}

async function remove({ metadata, spec }: Live): Promise<void> {
  rmSync(spec.local.path, { recursive: true, force: true });
  await ask('DELETE', `${VOLUMES}/${metadata.name}`);
}

/** Does something once for each state of an object: it is told the same state many times. */
function once(act: (object: Live) => Promise<unknown>): (object: Live, state: string) => void {
  const done = new Set<string>();
  return (object, state) => {
    const key = `${object['metadata'].uid} ${state}`;
    if (done.has(key)) return;
    done.add(key);
    act(object).catch((error: Error) => {
      done.delete(key);
      console.error(error.message);
    });
  };
}

const [provisionOnce, growOnce, removeOnce] = [once(provision), once(grow), once(remove)];

void follow(CLAIMS, (claims) => {
  for (const claim of claims.values()) {
    const { spec, status, metadata } = claim;
    if (spec.storageClassName !== CLASS || metadata.deletionTimestamp) continue;
    const wanted = spec.resources.requests.storage as string;
    // Written by the scheduler when it has chosen a node for the first pod.
    const chosen = metadata.annotations?.['volume.kubernetes.io/selected-node'];
    if (status?.phase === 'Pending' && chosen && !spec.volumeName) provisionOnce(claim, 'wanted');
    else if (status?.phase === 'Bound' && status.capacity?.storage !== wanted) growOnce(claim, wanted);
  }
});
void follow(VOLUMES, (volumes) => {
  for (const volume of volumes.values()) {
    if (volume['spec'].storageClassName === CLASS && volume['status']?.phase === 'Released') removeOnce(volume, 'released');
  }
});
