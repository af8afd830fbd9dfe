import type { Manifest } from '@starling/cdk8s/parts';
import type { KubeObject } from '@starling/operator/kube/index.ts';
import { kubectl, readObject } from '../support/kubectl.ts';
import type { Scenario } from './scenarios.ts';

/** The field manager that we apply as. */
export const MANAGER = 'starling';

/** Applies the scenario's object as us, lets others do their part, and resolves with what the API has of it then. */
export async function playScenario(scenario: Scenario, namespace: string): Promise<KubeObject> {
  const { desired, beside, before = desired, byApply = [], by = [], until } = scenario;
  if (beside) await kubectl(['apply', '--filename', '-'], JSON.stringify(beside));
  if (before) await applyAs(MANAGER, before, namespace);
  for (const { manager, manifest } of byApply) await applyAs(manager, manifest, namespace);
  for (const args of by) await kubectl(['--namespace', namespace, ...args], JSON.stringify(desired));
  if (until) {
    const condition = `--for=jsonpath=${until.path}=${until.value}`;
    await kubectl(['--namespace', namespace, 'wait', referenceOf(desired), condition, '--timeout=60s']);
  }
  return readWhole(desired, namespace);
}

/** With its managedFields. */
export async function readWhole(desired: Manifest, namespace: string): Promise<KubeObject> {
  const output = await kubectl(['--namespace', namespace, 'get', referenceOf(desired), '--output', 'json', '--show-managed-fields']);
  return JSON.parse(output) as KubeObject;
}

/** Deletes the object and whatever a scenario made beside it. */
export async function clearScenario(scenario: Scenario, namespace: string): Promise<void> {
  await kubectl(['--namespace', namespace, 'delete', referenceOf(scenario.desired), '--ignore-not-found', '--wait']);
  await kubectl(['--namespace', namespace, 'delete', 'horizontalpodautoscalers,controllerrevisions', '--all']);
  if (scenario.beside) await kubectl(['delete', referenceOf(scenario.beside), '--ignore-not-found', '--wait']);
  if (await readObject(namespace, referenceOf(scenario.desired))) throw new Error(`${referenceOf(scenario.desired)} is still there`);
}

async function applyAs(manager: string, manifest: Manifest, namespace: string): Promise<void> {
  const how = ['--server-side', '--force-conflicts', '--field-manager', manager, '--filename', '-'];
  await kubectl(['--namespace', namespace, 'apply', ...how], JSON.stringify(manifest));
}

function referenceOf({ kind, metadata }: Manifest): string {
  return `${kind.toLowerCase()}/${metadata.name}`;
}
