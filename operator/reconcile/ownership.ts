import { CLUSTER_LABEL, DATA_LABEL, GROUP, type Manifest } from '@starling/cdk8s/parts';
import { type KubeError, type KubeObject, type ObjectReference, referenceOf } from '../kube/index.ts';
import type { Pass, Tools } from './work.ts';

/** An object of the name that we need belongs to somebody else. */
export class NameTaken extends Error {
  override name = 'NameTaken';
}

/** An object of ours, or of an installation of before, is on its way out: its name will be free soon. */
export class Leaving extends Error {
  override name = 'Leaving';
}

/** Owns the fields of the objects of an installation. */
export const MANAGER = 'starling';

export type Owner = 'ours' | 'leaving' | 'foreign';

/**
 * Whose an object is. Ours: by its owner, or, where it has none, by its label: what is retained has none, and what was
 * orphaned is taken in. An earlier ChatCluster of this name leaves its objects to the garbage collector.
 */
function ownerOf(live: KubeObject, cluster: { name: string; uid: string }): Owner {
  const { deletionTimestamp, labels = {}, ownerReferences = [] } = live.metadata;
  const controller = ownerReferences.find((reference) => reference.controller);
  const isCluster = controller?.kind === 'ChatCluster' && controller.apiVersion.startsWith(`${GROUP}/`) && controller.name === cluster.name;
  // Two marks, so that an object of which somebody took one is not lost.
  const labelled =
    labels[CLUSTER_LABEL] === cluster.name ||
    (labels['app.kubernetes.io/managed-by'] === 'starling-operator' && labels['app.kubernetes.io/instance'] === cluster.name);
  const ours = controller ? isCluster && controller.uid === cluster.uid : labelled;
  if (!ours) return isCluster ? 'leaving' : 'foreign';
  return deletionTimestamp === undefined ? 'ours' : 'leaving';
}

/** Kinds that are never deleted to be made anew: data, or its pods, would go with them. */
const IN_PLACE = new Set(['PersistentVolumeClaim', 'StatefulSet']);

/**
 * Brings an object of the installation to what it should be.
 *
 * @throws {NameTaken}, {Leaving}, KubeError.
 */
export async function applyOwned(pass: Pass, manifest: Manifest): Promise<KubeObject> {
  want(pass, [manifest]);
  const held = pass.cache.get(referenceOf(manifest));
  if (held) requireOurs(held, pass);
  const replace = !IN_PLACE.has(manifest.kind) && manifest.metadata.labels?.[DATA_LABEL] === undefined;
  const applied = await pass.applier
    .applyDesired(manifest, { allowForeign: pass.spec?.allowForeign ?? [], replace })
    .catch((error: unknown) => {
      throw (error as KubeError).reason === 'NotOurs' ? new NameTaken(nameTakenMessage(referenceOf(manifest))) : error;
    });
  if (applied.result === 'deleted') throw new Leaving(`${describe(manifest)} is being deleted, and made anew then`);
  for (const { cause } of applied.drift) pass.metrics.countDrift(manifest.kind, cause);
  if (applied.drift.length > 0) {
    const fields = applied.drift.slice(0, 5).map(({ path, cause }) => `${path} (${cause})`);
    pass.logger.info({ cluster: `${pass.namespace}/${pass.name}`, object: describe(manifest), fields }, 'applied');
  }
  return applied.object;
}

/** Keeps these from being pruned, whether they are applied or not. */
export function want(pass: Pick<Pass, 'wanted'>, manifests: readonly Manifest[]): void {
  for (const { kind, metadata } of manifests) pass.wanted.add(`${kind} ${metadata.name}`);
}

/** Applies them side by side. All are tried; the first error is thrown. */
export async function applyAllOwned(pass: Pass, manifests: readonly Manifest[]): Promise<void> {
  const results = await Promise.allSettled(manifests.map((manifest) => applyOwned(pass, manifest)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** The object as it is, also when somebody took its label and the cache does not see it. Foreign ones are thrown about. */
export async function findOwned(pass: Pass, reference: ObjectReference): Promise<KubeObject | undefined> {
  const held = pass.cache.get(reference);
  const live = held ?? (await pass.client.get(reference));
  if (!live) return undefined;
  requireOurs(live, pass);
  if (!held) pass.cache.observe(live);
  return live;
}

/**
 * Writes an object over the very state that was decided from: absent (undefined), or this one. Somebody else's write in
 * between is a conflict, and the next pass decides anew. For what must not be written twice, such as keys.
 */
export async function writeGuarded(pass: Pass, manifest: Manifest, live: KubeObject | undefined): Promise<KubeObject> {
  // An application of a state creates what is absent, hence the other verb.
  const written = live
    ? await pass.client.apply(
        { ...manifest, metadata: { ...manifest.metadata, resourceVersion: live.metadata.resourceVersion } as Manifest['metadata'] },
        { manager: MANAGER },
      )
    : await pass.client.create(manifest);
  pass.cache.observe(written);
  return written;
}

/**
 * The first of these that somebody else has, asked of the API itself: the cache knows only what bears our label. For the
 * first time, before anything is made.
 */
export async function findTaken(
  tools: Pick<Tools, 'client'>,
  references: readonly ObjectReference[],
  cluster: { name: string; uid: string },
): Promise<ObjectReference | undefined> {
  const found = await Promise.all(references.map(async (reference) => ({ reference, live: await tools.client.get(reference) })));
  return found.find(({ live }) => live && ownerOf(live, cluster) === 'foreign')?.reference;
}

function requireOurs(live: KubeObject, pass: Pass): void {
  const owner = ownerOf(live, pass);
  if (owner === 'leaving') throw new Leaving(`${describe(live)} of before is being deleted`);
  if (owner === 'foreign') throw new NameTaken(nameTakenMessage(referenceOf(live)));
}

export function nameTakenMessage({ resource, name }: ObjectReference): string {
  return `${resource.kind} ${name} exists and does not belong to this ChatCluster: delete or rename it, or give the ChatCluster another name`;
}

function describe({ kind, metadata }: Manifest | KubeObject): string {
  return `${kind} ${metadata.name}`;
}
