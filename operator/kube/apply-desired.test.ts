import type { Manifest } from '@starling/cdk8s/parts';
import { beforeEach, describe, expect, it } from 'vitest';
import { createApplier } from './apply-desired.ts';
import { type KubeClient, KubeError, type KubeObject } from './types.ts';

/** An API that stores something else than it is sent, or refuses; what no fake of the API does. */
let live: KubeObject | undefined;
let asked: string[] = [];
let refuse: KubeError | undefined;
let version = 1;

const metadata = { name: 'job', namespace: 'chat', labels: { 'starling.chat/cluster': 'demo' } };
const desired: Manifest = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { image: 'Image:1' } };

const client = {
  async apply(manifest: Manifest) {
    asked.push('apply');
    if (refuse) throw refuse;
    const normal = { ...manifest, spec: { image: (manifest['spec'] as { image: string }).image.toLowerCase() } };
    const changed = JSON.stringify((live as KubeObject | undefined)?.['spec']) !== JSON.stringify(normal.spec);
    if (changed) version += 1;
    const managedFields = [
      {
        manager: 'starling',
        operation: 'Apply',
        fieldsV1: { 'f:metadata': { 'f:labels': { 'f:starling.chat/cluster': {} } }, 'f:spec': { 'f:image': {} } },
      },
    ];
    live = {
      ...normal,
      metadata: { ...manifest.metadata, uid: 'u', resourceVersion: String(version), managedFields },
    } as unknown as KubeObject;
    return live;
  },
  async get() {
    asked.push('get');
    return live;
  },
  async delete() {
    asked.push('delete');
  },
} as unknown as KubeClient;

const create = () =>
  createApplier({
    client,
    cache: { get: () => live, list: () => [], synced: true, observe() {} },
    manager: 'starling',
  });

beforeEach(() => {
  live = undefined;
  asked = [];
  refuse = undefined;
});

describe('an application', () => {
  it('that changes nothing is not made again, unless the object or the wish changes', async () => {
    const applier = create();
    await applier.applyDesired(desired);
    asked = [];
    expect(await applier.applyDesired(desired)).toMatchObject({ result: 'applied', drift: [{ path: 'spec.image', cause: 'differs' }] });
    for (let pass = 0; pass < 3; pass += 1) expect(await applier.applyDesired(desired)).toMatchObject({ result: 'unchanged' });
    expect(asked).toEqual(['apply']);
    live = { ...live!, metadata: { ...live!.metadata, resourceVersion: 'other' } };
    await applier.applyDesired(desired);
    await applier.applyDesired({ ...desired, spec: { image: 'Image:2' } });
    expect(asked).toEqual(['apply', 'apply', 'apply']);
  });

  it.each([
    'spec.template: Invalid value: field is immutable',
    // A Service with an address, where one without is wanted.
    'spec.clusterIPs[0]: Invalid value: []string{"None"}: may not change once set',
  ])('that is refused since a field cannot change deletes the object where that is allowed, and nothing else does: %s', async (message) => {
    const applier = create();
    await applier.applyDesired(desired);
    const changed = { ...desired, spec: { image: 'image:2' } };
    refuse = new KubeError(message, { status: 422, reason: 'Invalid' });
    await expect(applier.applyDesired(changed)).rejects.toBe(refuse);
    expect(asked).not.toContain('delete');
    expect(await applier.applyDesired(changed, { replace: true })).toMatchObject({ result: 'deleted' });
    expect(asked.at(-1)).toBe('delete');
    asked = [];
    refuse = new KubeError('spec.image: Required value', { status: 422, reason: 'Invalid' });
    await expect(applier.applyDesired(changed, { replace: true })).rejects.toBe(refuse);
    expect(asked).not.toContain('delete');
  });

  it('is not made to what is being deleted', async () => {
    const applier = create();
    await applier.applyDesired(desired);
    live = { ...live!, metadata: { ...live!.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } };
    asked = [];
    expect(await applier.applyDesired({ ...desired, spec: { image: 'x' } })).toMatchObject({ result: 'deleted' });
    expect(asked).toEqual([]);
  });
});
