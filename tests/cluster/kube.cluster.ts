import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeKube } from '@starling/operator/kube/conformance/suite.ts';
import {
  connectByKubeconfig,
  createApplier,
  createKubeClient,
  findDrift,
  type KubeConnection,
  RESOURCES,
  watchObjects,
} from '@starling/operator/kube/index.ts';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clearScenario, MANAGER, playScenario, readWhole } from './drift/play.ts';
import { SCENARIOS } from './drift/scenarios.ts';
import { kubectl } from './support/kubectl.ts';
import { createNamespace, deleteNamespace } from './support/namespaces.ts';

/** With the credentials of kubectl, whatever they are. */
async function connect(): Promise<KubeConnection> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-kubeconfig-'));
  const file = join(folder, 'config');
  await writeFile(file, await kubectl(['config', 'view', '--raw', '--flatten']), { mode: 0o600 });
  const connection = connectByKubeconfig(file);
  return {
    ...connection,
    async close() {
      await connection.close();
      await rm(folder, { recursive: true });
    },
  };
}

describeKube('a real API server', async () => {
  const [connection, namespace] = await Promise.all([connect(), createNamespace('kube')]);
  return {
    connection,
    namespace,
    async close() {
      await connection.close();
      await deleteNamespace(namespace);
    },
  };
});

describe('what a real API server alone does', () => {
  let connection: KubeConnection;
  let namespace: string;
  beforeAll(async () => {
    [connection, namespace] = await Promise.all([connect(), createNamespace('kube')]);
  });
  afterAll(async () => {
    await connection.close();
    await deleteNamespace(namespace);
  });

  it('refuses a field that it does not know, and names it', async () => {
    const client = createKubeClient(connection);
    const metadata = { name: 'typo', namespace };
    await expect(client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, date: {} })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('date'),
    });
    // An apply knows no strictness beside its own: what has no schema cannot be merged.
    await expect(client.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, date: {} }, { manager: MANAGER })).rejects.toMatchObject({
      name: 'KubeError',
      message: expect.stringContaining('date'),
    });
  });

  it.each(SCENARIOS.map((scenario) => ({ scenario, name: scenario.name })))('mends $name', async ({ scenario }) => {
    const desired = { ...scenario.desired, metadata: { ...scenario.desired.metadata, namespace } };
    await playScenario(scenario, namespace);
    const asked: string[] = [];
    const client = createKubeClient(connection, { onRequest: ({ verb }) => asked.push(verb) });
    const resource = Object.values(RESOURCES).find(({ apiVersion, kind }) => apiVersion === desired.apiVersion && kind === desired.kind)!;
    const cache = watchObjects(connection, { kinds: [{ resource }], namespaces: [namespace] });
    await cache.whenSynced();
    const applier = createApplier({ client, cache, manager: MANAGER });
    try {
      await waitFor(async () => (await applier.applyDesired(desired)).result === 'unchanged', { deadline: 20_000 });
      expect(findDrift(desired, await readWhole(desired, namespace), { manager: MANAGER, allowForeign: [] })).toEqual([]);
      asked.length = 0;
      expect(await applier.applyDesired(desired)).toMatchObject({ result: 'unchanged' });
      expect(asked).toEqual([]);
    } finally {
      await cache.stop();
      await clearScenario(scenario, namespace);
    }
  });
});
