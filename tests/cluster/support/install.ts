import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KAFKA_IN_PLACE_OF_REDPANDA, POSTGRES_IN_PLACE } from './images.ts';
import { kubectl } from './kubectl.ts';

export const OPERATOR_NAMESPACE = 'starling-system';

const K8S = join(import.meta.dirname, '../../../k8s');

/** A file of k8s/, as a user applies it. */
export function readManifest(file: string): Promise<string> {
  return readFile(join(K8S, file), 'utf8');
}

/** k8s/operator.yaml, which names the images of data that no registry is needed for here. */
export async function readOperatorManifest(file = 'operator.yaml'): Promise<string> {
  const manifest = await readManifest(file);
  return replaceFlag(replaceFlag(manifest, '--redpanda-image', KAFKA_IN_PLACE_OF_REDPANDA), '--postgres-image', POSTGRES_IN_PLACE);
}

function replaceFlag(manifest: string, flag: string, value: string): string {
  const found = new RegExp(`${flag}=\\S+`);
  if (!found.test(manifest)) throw new Error(`the manifest of the operator has no ${flag}`);
  return manifest.replace(found, `${flag}=${value}`);
}

/** `kubectl apply` of the operator, until it is there with all its pods. Pods of an older build are replaced. */
export async function installOperator(): Promise<void> {
  await kubectl(['apply', '--filename', '-'], await readOperatorManifest());
  // The tag is the same for each build.
  await kubectl(['--namespace', OPERATOR_NAMESPACE, 'delete', 'pods', '--all', '--wait=false']);
  await kubectl(['--namespace', OPERATOR_NAMESPACE, 'rollout', 'status', 'deployment', '--timeout=120s']);
}

/** `kubectl delete --filename`, until all is gone. */
export async function uninstallOperator(): Promise<void> {
  await kubectl(['delete', '--ignore-not-found', '--timeout=120s', '--filename', '-'], await readOperatorManifest());
}
