import { type Manifest, names } from '@starling/cdk8s/parts';
import { type KubeObject, RESOURCES, referenceOf } from '../kube/index.ts';
import { MANAGER } from './ownership.ts';
import { inputOf, type Pass } from './work.ts';

/** Owns the number of delivery's pods until the autoscaler writes it: beside the manager of all else, which never sends it then. */
const REPLICAS_MANAGER = 'starling-replicas';

interface DeploymentParts {
  spec?: { replicas?: number };
}

/**
 * What the number of delivery's pods must be, if it is not to be left: at least the minimum, since an autoscaler is off at 0
 * and slow below it. Undefined: it is left to the autoscaler.
 */
export function replicasToWrite(live: number | undefined, minReplicas: number): number | undefined {
  return live === undefined || live < minReplicas ? minReplicas : undefined;
}

/**
 * Takes the number over from the main manager before that one stops sending it: a field that its only owner drops falls
 * back to 1.
 */
export async function leaveReplicas(pass: Pass, desired: Manifest): Promise<void> {
  const live = pass.cache.get(referenceOf(desired));
  const { replicas } = (live as DeploymentParts | undefined)?.spec ?? {};
  if (!live || replicas === undefined || !ownsReplicas(live, MANAGER) || (desired as DeploymentParts).spec?.replicas !== undefined) return;
  await writeReplicas(pass, Math.max(replicas, inputOf(pass).spec.autoscaling.minReplicas));
}

/** After the Deployment was applied: there may be none of its pods yet, or somebody took them away. */
export async function keepReplicas(pass: Pass, desired: Manifest): Promise<void> {
  if ((desired as DeploymentParts).spec?.replicas !== undefined) return;
  const live = pass.cache.get(referenceOf(desired));
  if (!live) return;
  const { minReplicas } = inputOf(pass).spec.autoscaling;
  const replicas = replicasToWrite((live as DeploymentParts).spec?.replicas, minReplicas);
  if (replicas !== undefined) await writeReplicas(pass, replicas);
}

async function writeReplicas(pass: Pass, replicas: number): Promise<void> {
  const metadata = { name: names.of(pass.name, 'delivery'), namespace: pass.namespace };
  const { apiVersion, kind } = RESOURCES.Deployment;
  pass.cache.observe(await pass.client.apply({ apiVersion, kind, metadata, spec: { replicas } }, { manager: REPLICAS_MANAGER }));
}

function ownsReplicas({ metadata }: KubeObject, manager: string): boolean {
  return Boolean(
    metadata.managedFields?.some(
      (entry) =>
        entry.manager === manager && (entry.fieldsV1['f:spec'] as Record<string, unknown> | undefined)?.['f:replicas'] !== undefined,
    ),
  );
}
