import { k8s } from 'cdk8s-plus-28';
import type { Manifest, RenderInput } from './input.ts';
import { selectorOf } from './labels.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';

/** One pod at a time may be evicted, and one that is not ready always: it serves nobody, and would block a node's drain for ever. */
export function renderDisruptionBudget(input: RenderInput, component: string): Manifest {
  return k8s.KubePodDisruptionBudget.manifest({
    metadata: ownedMetadata(input, names.of(input.name, component), component),
    spec: {
      maxUnavailable: k8s.IntOrString.fromNumber(1),
      selector: { matchLabels: selectorOf(input.name, component) },
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  });
}
