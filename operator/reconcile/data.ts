import {
  CLUSTER_LABEL,
  DATA_LABEL,
  dataLabelsOf,
  desiredVolumes,
  labelsOf,
  names,
  ownedMetadata,
  renderData,
  renderNetwork,
  selectorOf,
} from '@starling/cdk8s/parts';
import { type KubeError, type KubeObject, RESOURCES } from '../kube/index.ts';
import { bad, type Finding, good } from '../status/conditions.ts';
import { done, type Outcome, terminal, wait } from './outcome.ts';
import { applyAllOwned, MANAGER } from './ownership.ts';
import { judgeStatefulSet } from './rollout.ts';
import { inputOf, type Pass } from './work.ts';

const BUILTIN = ['postgres', 'redpanda'] as const;
type Builtin = (typeof BUILTIN)[number];
/** A refused growth is tried again after so long: its StorageClass may allow it by then. */
const GROW_AGAIN_MS = 600_000;

/**
 * Brings up built-in data and grows its volumes. Data that others run is not looked at from here: its Secrets are mounted,
 * never read, and the expand Job says whether it can be reached.
 */
export async function keepData(pass: Pass): Promise<Outcome> {
  const input = inputOf(pass);
  await applyAllOwned(pass, [...renderNetwork(input), ...renderData(input)]);
  const { postgres, log } = input.spec.data;
  pass.status.data = highlyAvailable(input.spec.data);
  const growth = await keepVolumes(pass);
  const components = BUILTIN.filter((component) => (component === 'postgres' ? postgres : log).builtin !== undefined);
  if (components.length === 0) pass.dataReady = true;
  if (components.length === 0) return done({ DataReady: good('External', 'the database and the log are run by others') });
  for (const component of components) {
    const set = pass.cache.get({ resource: RESOURCES.StatefulSet, name: names.of(pass.name, component), namespace: pass.namespace });
    const pods = pass.cache.list(RESOURCES.Pod, { namespace: pass.namespace, labels: selectorOf(pass.name, component) });
    const rollout = set
      ? judgeStatefulSet(set, pods)
      : { state: 'progressing' as const, why: `StatefulSet ${names.of(pass.name, component)} is being made` };
    if (rollout.state !== 'complete')
      return wait(rollout.why, { DataReady: bad(rollout.state === 'halted' ? 'DataHalted' : 'DataStarting', rollout.why) });
  }
  pass.dataReady = true;
  if (growth) return terminal(growth.reason, { DataReady: growth });
  return done({ DataReady: good('Ready', `${components.join(' and ')} of this installation can be reached`) });
}

/** Absent: others run one of them, and it is not known. The built-in database has one instance. */
function highlyAvailable(data: ReturnType<typeof inputOf>['spec']['data']): { highlyAvailable?: boolean } {
  return data.postgres.builtin || data.log.builtin?.brokers === 1 ? { highlyAvailable: false } : {};
}

interface ClaimParts {
  spec?: { resources?: { requests?: { storage?: string } } };
}

/** Brings the claims that the StatefulSets made to the size and retention of the spec. The finding says which one cannot grow. */
async function keepVolumes(pass: Pass): Promise<Finding | undefined> {
  let problem: Finding | undefined;
  for (const { pvcName, size } of desiredVolumes(inputOf(pass))) {
    const component = BUILTIN.find((name) => pvcName.includes(`-${pass.name}-${name}-`));
    if (!component) continue;
    const reference = { resource: RESOURCES.PersistentVolumeClaim, name: pvcName, namespace: pass.namespace };
    const claim = pass.cache.get(reference) ?? (await findUnlabelled(pass, pvcName, component));
    if (!claim || claim.metadata.deletionTimestamp !== undefined) continue;
    const metadata = retentionPatch(pass, claim, component);
    if (metadata) pass.cache.observe(await pass.client.patch(reference, { metadata }, { manager: MANAGER }));
    problem ??= await growVolume(pass, claim, size);
  }
  return problem;
}

async function growVolume(pass: Pass, claim: KubeObject, size: string): Promise<Finding | undefined> {
  const { name, uid } = claim.metadata;
  const requested = (claim as ClaimParts).spec?.resources?.requests?.storage;
  if (requested === undefined || bytesOf(size) <= bytesOf(requested)) return undefined;
  const cannot = (why: string) => bad('VolumeCannotGrow', `PersistentVolumeClaim ${name} cannot grow from ${requested} to ${size}: ${why}`);
  const refused = pass.memory.growthRefused.get(uid);
  if (refused && pass.now - refused.at < GROW_AGAIN_MS) return cannot(refused.why);
  const reference = { resource: RESOURCES.PersistentVolumeClaim, name, namespace: pass.namespace };
  try {
    pass.cache.observe(await pass.client.patch(reference, { spec: { resources: { requests: { storage: size } } } }, { manager: MANAGER }));
  } catch (error) {
    const { status, message } = error as KubeError;
    // 403: the StorageClass does not allow it, or nothing provisioned the volume.
    if (status !== 403 && status !== 422) throw error;
    const why = `${message}; use a StorageClass with allowVolumeExpansion, or enlarge the volume by hand`;
    pass.memory.growthRefused.set(uid, { at: pass.now, why });
    return cannot(why);
  }
  return undefined;
}

/** What of a claim's metadata is to be another: kept for ever it belongs to nobody, else it goes with the ChatCluster. */
function retentionPatch(pass: Pass, claim: KubeObject, component: Builtin): object | undefined {
  const { data } = inputOf(pass).spec;
  const storage = component === 'postgres' ? data.postgres.builtin?.storage : data.log.builtin?.storage;
  const { uid, resourceVersion, labels = {}, ownerReferences = [] } = claim.metadata;
  const deleted = storage?.retention === 'Delete';
  const wanted: Record<string, string | null> = deleted
    ? { ...labelsOf(pass.name, component), [DATA_LABEL]: null }
    : dataLabelsOf(pass.name, component);
  const others = ownerReferences.filter((reference) => reference.kind !== 'ChatCluster');
  const owners = deleted ? [...others, ...(ownedMetadata(inputOf(pass), '').ownerReferences ?? [])] : others;
  const sameLabels = Object.entries(wanted).every(([name, value]) => (labels[name] ?? null) === value);
  const sameOwners = owners.map((owner) => owner.uid).join() === ownerReferences.map((owner) => owner.uid).join();
  return sameLabels && sameOwners ? undefined : { uid, resourceVersion, labels: wanted, ownerReferences: owners };
}

/** The claim of a pod that runs is there; the cache does not see one whose labels somebody took. */
async function findUnlabelled(pass: Pass, claim: string, component: Builtin): Promise<KubeObject | undefined> {
  const pods = pass.cache.list(RESOURCES.Pod, { namespace: pass.namespace, labels: selectorOf(pass.name, component) });
  const runs = pods.some(({ metadata, status }) => claim.endsWith(metadata.name) && status?.['phase'] === 'Running');
  return runs ? pass.client.get({ resource: RESOURCES.PersistentVolumeClaim, name: claim, namespace: pass.namespace }) : undefined;
}

const UNITS: Record<string, bigint> = {
  '': 1n,
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  k: 10n ** 3n,
  M: 10n ** 6n,
  G: 10n ** 9n,
  T: 10n ** 12n,
};

/** Of a quantity in whole units; of another text 0, so that nothing is grown by mistake. */
export function bytesOf(quantity: string): bigint {
  const [, digits, unit = ''] = /^(\d+)(Ki|Mi|Gi|Ti|Pi|k|M|G|T)?$/.exec(quantity) ?? [];
  return digits === undefined ? 0n : BigInt(digits) * (UNITS[unit] ?? 0n);
}

/** Which volumes the data lies on now: others hold other data. */
export function volumesOf(pass: Pick<Pass, 'cache' | 'name' | 'namespace'>): { component: string; uid: string }[] {
  const claims = pass.cache.list(RESOURCES.PersistentVolumeClaim, { namespace: pass.namespace, labels: { [CLUSTER_LABEL]: pass.name } });
  return claims
    .map(({ metadata }) => ({ component: metadata.labels?.['app.kubernetes.io/component'] ?? '', uid: metadata.uid }))
    .sort((one, other) => one.uid.localeCompare(other.uid));
}
