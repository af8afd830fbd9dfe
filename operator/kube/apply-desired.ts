import { createHash } from 'node:crypto';
import type { Manifest } from '@starling/cdk8s/parts';
import type { ObservingCache } from './cache.ts';
import { type Drift, findDrift } from './drift.ts';
import { ownFields } from './foreign.ts';
import { describeReference, referenceOf } from './resources.ts';
import { takeOver } from './take-over.ts';
import { type KubeClient, KubeError, type KubeObject } from './types.ts';

export interface Applied {
  /** `deleted`: it is being deleted, by us (`replace`) or by others; applying it again once it is gone creates it. */
  result: 'unchanged' | 'created' | 'applied' | 'deleted';
  /** As it is now; of `deleted`, as it was. */
  object: KubeObject;
  /** Why it was applied; empty if created or unchanged. */
  drift: Drift[];
}

export interface Applier {
  /**
   * Makes the object what it should be. Decides from the cache, and makes no request when nothing is to be done. Foreign fields are
   * taken over and removed, except those of the field managers in `allowForeign`. `replace`: if the API says that a field cannot be
   * changed, the object is deleted; otherwise that is a rejection. Rejects with a {@link KubeError}: its reason is `NotOurs` if an
   * object of that name is there that neither belongs to the same owner or cluster nor was ever applied by us.
   */
  applyDesired(desired: Manifest, options?: { allowForeign?: readonly string[]; replace?: boolean }): Promise<Applied>;
}

export function createApplier({ client, cache, manager }: { client: KubeClient; cache: ObservingCache; manager: string }): Applier {
  // Should the API ever store something in another form than it was sent, the comparison would find drift that no apply ends. An
  // apply that changed nothing is therefore not made again for the same object and the same wish.
  const settled = new Map<string, string>();

  async function apply(desired: Manifest): Promise<KubeObject> {
    const object = await client.apply(desired, { manager });
    cache.observe(object);
    return object;
  }

  return {
    async applyDesired(desired, { allowForeign = [], replace = false } = {}) {
      const reference = referenceOf(desired);
      const name = describeReference(reference);
      const cached = cache.get(reference);
      // What has lost the label that it is watched by is not in the cache, and there all the same.
      const live = cached ?? (await client.get(reference));
      if (!live) return { result: 'created', object: await apply(desired), drift: [] };
      if (live.metadata.deletionTimestamp !== undefined) return { result: 'deleted', object: live, drift: [] };
      if (!cached && !isOurs(live, desired, manager))
        throw new KubeError(`${name} is there already and belongs to no cluster of this name; rename or delete it`, {
          status: 409,
          reason: 'NotOurs',
        });

      const drift = findDrift(desired, live, { manager, allowForeign });
      if (drift.length === 0) return { result: 'unchanged', object: live, drift };
      const wish = createHash('sha256').update(JSON.stringify(desired)).digest('base64');
      const state = (object: KubeObject) => `${object.metadata.uid} ${object.metadata.resourceVersion} ${wish}`;
      if (settled.get(name) === state(live)) return { result: 'unchanged', object: live, drift: [] };

      try {
        if (drift.some(({ cause }) => cause === 'foreign')) await takeOver(client, desired, { manager, allowForeign });
        const object = await apply(desired);
        if (object.metadata.resourceVersion === live.metadata.resourceVersion) settled.set(name, state(object));
        else settled.delete(name);
        return { result: 'applied', object, drift };
      } catch (error) {
        if (!replace || !isImmutable(error)) throw error;
        await client.delete(reference, { uid: live.metadata.uid });
        return { result: 'deleted', object: live, drift };
      }
    },
  };
}

const CLUSTER_LABEL = 'starling.chat/cluster';

function isOurs(live: KubeObject, desired: Manifest, manager: string): boolean {
  const owners = new Set(desired.metadata.ownerReferences?.map(({ uid }) => uid));
  const label = desired.metadata.labels?.[CLUSTER_LABEL];
  return (
    ownFields(live, manager) !== undefined ||
    (label !== undefined && live.metadata.labels?.[CLUSTER_LABEL] === label) ||
    (live.metadata.ownerReferences ?? []).some(({ uid }) => owners.has(uid))
  );
}

function isImmutable(error: unknown): boolean {
  return (
    error instanceof KubeError &&
    error.status === 422 &&
    /immutable|may not be changed|may not change once set|updates to .* are forbidden/i.test(error.message)
  );
}
