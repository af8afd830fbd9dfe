import { k8s } from 'cdk8s-plus-28';
import type { Manifest, RenderInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';

/** One for each component, so that none runs as the namespace's default. No rights are bound to them, and no token is mounted. */
export function renderServiceAccount(input: RenderInput, component: string): Manifest {
  return k8s.KubeServiceAccount.manifest({
    metadata: ownedMetadata(input, names.of(input.name, component), component),
    automountServiceAccountToken: false,
  });
}
