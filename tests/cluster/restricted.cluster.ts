import { type Manifest, type RenderInput, renderAll } from '@starling/cdk8s/parts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXTERNAL, inputOf, MINIMAL, PRODUCTION } from '../../cdk8s/parts/test-inputs.ts';
import { createNamespace, deleteNamespace, kubectl } from './support/index.ts';

/** As long as a name may be: those of the objects are made of it. */
const LONGEST = 'n'.repeat(40);

let namespace: string;

beforeAll(async () => {
  namespace = await createNamespace('restricted');
});

afterAll(() => deleteNamespace(namespace));

/** What the API would store of these. Objects of kinds that it does not have are left out. */
async function dryRun(manifests: Manifest[], ...more: string[]): Promise<Manifest[]> {
  const known = manifests.filter(({ apiVersion }) => !apiVersion.startsWith('keda.sh/'));
  const args = ['--namespace', namespace, 'apply', '--server-side', '--dry-run=server', '--field-manager=starling', ...more];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: known });
  const output = await kubectl([...args, '--output=json', '--filename', '-'], list);
  const { items } = JSON.parse(output) as { items: Manifest[] };
  expect(items).toHaveLength(known.length);
  return items;
}

/** The pods that a workload makes, as pods of their own. */
function podsOf(manifests: Manifest[]): Manifest[] {
  return manifests.flatMap(({ kind, metadata, ...rest }) => {
    const spec = rest['spec'] as
      | { template?: { metadata: object; spec: { volumes?: object[] } }; volumeClaimTemplates?: object[] }
      | undefined;
    if (!spec?.template) return [];
    const claimed = (spec.volumeClaimTemplates ?? []).map(() => ({ name: 'data', emptyDir: {} }));
    const volumes = [...(spec.template.spec.volumes ?? []), ...claimed];
    return [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...spec.template.metadata, name: `${kind.toLowerCase()}-${metadata.name}` },
        spec: { ...spec.template.spec, volumes, serviceAccountName: 'default' },
      },
    ];
  });
}

/** Where what the API would store is not what was desired: it wrote it in another way, or left it out. */
function differences(desired: unknown, stored: unknown, path: string): string[] {
  if (Array.isArray(desired)) {
    if (!Array.isArray(stored) || stored.length !== desired.length)
      return [`${path}: ${JSON.stringify(desired)} is ${JSON.stringify(stored)}`];
    return desired.flatMap((part, index) => differences(part, stored[index], `${path}/${index}`));
  }
  if (typeof desired === 'object' && desired !== null) {
    const held = (stored ?? {}) as Record<string, unknown>;
    return Object.entries(desired).flatMap(([key, part]) => differences(part, held[key], `${path}/${key}`));
  }
  return desired === stored ? [] : [`${path}: ${JSON.stringify(desired)} is ${JSON.stringify(stored)}`];
}

describe.each([
  ['minimal', MINIMAL],
  ['production', PRODUCTION],
  ['external', EXTERNAL],
  ['unscaled', { ...MINIMAL, autoscaling: { source: 'None' as const } }],
])('the manifests of %s', (_, spec) => {
  const input = (changes: Partial<RenderInput> = {}) => inputOf(spec, { namespace, ...changes });

  it('are admitted where the restricted Pod Security Standard is enforced, and nothing is warned of', async () => {
    const { spec: complete } = input();
    // A class of priority is the cluster's to have.
    const { priorityClassName: _class, ...scheduling } = complete.scheduling;
    const manifests = renderAll(input({ spec: { ...complete, scheduling } }));
    // Every headless Service is warned of, for a field that the API sets itself.
    await dryRun(
      manifests.filter(({ kind }) => kind !== 'Service'),
      '--warnings-as-errors',
    );
    const pods = podsOf(manifests);
    expect(pods.length).toBeGreaterThan(5);
    await dryRun(pods, '--warnings-as-errors');
  });

  it('are stored as they are rendered', async () => {
    const manifests = renderAll(input());
    const stored = await dryRun(manifests);
    const found = (manifest: Manifest) =>
      stored.find(({ kind, metadata }) => kind === manifest.kind && metadata.name === manifest.metadata.name);
    const known = manifests.filter(({ apiVersion }) => !apiVersion.startsWith('keda.sh/'));
    expect(known.flatMap((manifest) => differences(manifest, found(manifest), `${manifest.kind}/${manifest.metadata.name}`))).toEqual([]);
  });

  it('are valid for the longest name', async () => {
    await dryRun(renderAll(input({ name: LONGEST })));
  });
});

it('would see a pod that is not restricted', async () => {
  const [pod] = podsOf(renderAll(inputOf(MINIMAL, { namespace })));
  const spec = { ...(pod?.['spec'] as object), securityContext: {} };
  await expect(dryRun([{ ...(pod as Manifest), spec }])).rejects.toThrow('violates PodSecurity "restricted');
});
