import type { Manifest } from '@starling/cdk8s/parts';
import { takeOverFields, type Whose } from './foreign.ts';
import { referenceOf } from './resources.ts';
import type { KubeClient } from './types.ts';

/**
 * Makes what others own of the object ours, without changing it: an apply alone never removes what it did not set. Of use only right
 * before an apply. Rejects with a conflict if the object changes meanwhile.
 */
export async function takeOver(client: KubeClient, desired: Manifest, whose: Whose): Promise<void> {
  const reference = referenceOf(desired);
  // The cache does not hold all of managedFields.
  const live = await client.get(reference);
  if (!live) return;
  await client.patch(
    reference,
    [
      { op: 'replace', path: '/metadata/managedFields', value: takeOverFields(desired, live, whose) },
      // Checked by the API against the object's own.
      { op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion },
    ],
    { manager: whose.manager },
  );
}
