import { writeFile } from 'node:fs/promises';
import { createNamespace, deleteNamespace } from '../support/namespaces.ts';
import { clearScenario, playScenario } from './play.ts';
import { SCENARIOS } from './scenarios.ts';

/**
 * Records what the API server makes of the scenarios' objects, for operator/kube/drift.test.ts. Run by hand, for a new scenario or a new
 * version of Kubernetes: `node tests/cluster/drift/record.ts`.
 */
const FILE = new URL('../../../operator/kube/recorded-drift.jsonl', import.meta.url);

const namespace = await createNamespace('record-drift');
const lines: string[] = [];
try {
  for (const scenario of SCENARIOS) {
    const { status: _, ...live } = await playScenario(scenario, namespace);
    lines.push(JSON.stringify({ name: scenario.name, desired: scenario.desired, live }));
    await clearScenario(scenario, namespace);
  }
} finally {
  await deleteNamespace(namespace);
}
await writeFile(FILE, `${lines.join('\n')}\n`);
