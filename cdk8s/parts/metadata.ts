import type { Manifest, RenderInput } from './input.ts';
import { GROUP, labelsOf } from './labels.ts';

type Metadata = Manifest['metadata'];

/** Of an object that ends with the ChatCluster: by its owner reference, so that no operator is needed for it. */
export function ownedMetadata(input: RenderInput, name: string, component?: string, annotations?: Record<string, string>): Metadata {
  return {
    name,
    namespace: input.namespace,
    labels: labelsOf(input.name, component),
    ...(annotations === undefined ? {} : { annotations }),
    ownerReferences: [
      {
        apiVersion: `${GROUP}/v1alpha1`,
        kind: 'ChatCluster',
        name: input.name,
        uid: input.uid,
        controller: true,
        blockOwnerDeletion: false,
      },
    ],
  };
}
