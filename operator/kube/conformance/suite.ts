import { waitFor } from '@starling/testing/wait-for';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Applier,
  campaign,
  createApplier,
  createEventRecorder,
  createKubeClient,
  findDrift,
  type KubeClient,
  type KubeConnection,
  type KubeError,
  RESOURCES,
  referenceOf,
  type WatchingCache,
  watchObjects,
} from '../index.ts';
import { CHANGES, type Change, CLUSTER, configMap, deployment } from './test-objects.ts';

export interface World {
  connection: KubeConnection;
  /** Empty at the start, and this test's own. */
  namespace: string;
  close(): Promise<void>;
}

const MANAGER = 'starling';
const DEADLINE = { deadline: 20_000 };

/** What must hold of the client, the cache and the applier on every API server: the fake that the tests run on, and a real one. */
export function describeKube(server: string, open: () => Promise<World>): void {
  describe(`on ${server}`, () => {
    let world: World;
    let client: KubeClient;
    let cache: WatchingCache;
    let applier: Applier;
    let asked: string[] = [];
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());
    beforeEach(async () => {
      const { connection, namespace } = world;
      asked = [];
      client = createKubeClient(connection, { onRequest: ({ verb, resource }) => asked.push(`${verb} ${resource}`) });
      cache = watchObjects(connection, {
        kinds: [RESOURCES.Deployment, RESOURCES.ConfigMap].map((resource) => ({ resource, labelSelector: 'starling.chat/cluster' })),
        namespaces: [namespace],
      });
      applier = createApplier({ client, cache, manager: MANAGER });
      await cache.whenSynced();
    });
    afterEach(async () => {
      for (const kind of [RESOURCES.Deployment, RESOURCES.ConfigMap])
        for (const { metadata } of await client.list(kind, {
          namespace: world.namespace,
          labelSelector: `starling.chat/cluster=${CLUSTER}`,
        }))
          await client.delete({ resource: kind, ...metadata });
      await waitFor(() => cache.list(RESOURCES.Deployment).length + cache.list(RESOURCES.ConfigMap).length === 0, DEADLINE);
      await cache.stop();
    });

    describe('the client', () => {
      it('creates, reads, lists, changes and deletes', async () => {
        const { namespace } = world;
        const wanted = configMap(namespace, 'one', { a: '1' });
        const reference = referenceOf(wanted);
        expect(await client.get(reference)).toBeUndefined();
        const created = await client.create(wanted);
        expect(created.metadata.uid).toBeTruthy();
        await expect(client.create(wanted)).rejects.toMatchObject({ name: 'KubeError', status: 409, reason: 'AlreadyExists' });
        expect(await client.get(reference)).toMatchObject({ kind: 'ConfigMap', data: { a: '1' } });
        const listed = await client.list(RESOURCES.ConfigMap, { namespace, labelSelector: `starling.chat/cluster=${CLUSTER}` });
        expect(listed).toMatchObject([{ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'one' } }]);
        expect(await client.list(RESOURCES.ConfigMap, { namespace, labelSelector: 'starling.chat/cluster=none' })).toEqual([]);
        const patched = await client.patch(reference, { data: { b: '2' } });
        expect(patched['data']).toEqual({ a: '1', b: '2' });
        await expect(
          client.patch(reference, { metadata: { resourceVersion: created.metadata.resourceVersion }, data: { c: '3' } }),
        ).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
        await client.delete(reference, { uid: 'another' });
        expect(await client.get(reference)).toBeDefined();
        await client.delete(reference, { uid: created.metadata.uid });
        expect(await client.get(reference)).toBeUndefined();
        await client.delete(reference);
        await expect(client.patch(reference, {})).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
      });

      it('applies what it is asked to, and the same again changes nothing', async () => {
        const wanted = deployment(world.namespace, 'web');
        const first = await client.apply(wanted, { manager: MANAGER });
        expect(findDrift(wanted, first, { manager: MANAGER, allowForeign: [] })).toEqual([]);
        const live = await waitFor(() => client.get(referenceOf(wanted)), DEADLINE);
        const again = await client.apply(wanted, { manager: MANAGER });
        expect(again['spec']).toEqual(live['spec']);
        expect(again.metadata.generation).toBe(live.metadata.generation);
      });
    });

    describe('the cache', () => {
      it('follows what has the label, and nothing else', async () => {
        const { namespace } = world;
        const wanted = configMap(namespace, 'one', { a: '1' });
        const reference = referenceOf(wanted);
        await client.create(wanted);
        await waitFor(() => cache.get(reference), DEADLINE);
        await client.patch(reference, { data: { a: '2' } });
        await waitFor(() => (cache.get(reference)?.['data'] as { a: string } | undefined)?.a === '2', DEADLINE);
        await client.patch(reference, { metadata: { labels: { 'starling.chat/cluster': null } } });
        await waitFor(() => cache.get(reference) === undefined, DEADLINE);
        await client.patch(reference, { metadata: { labels: { 'starling.chat/cluster': CLUSTER } } });
        await waitFor(() => cache.get(reference), DEADLINE);
        expect(cache.list(RESOURCES.ConfigMap, { namespace, labels: { 'starling.chat/cluster': CLUSTER } })).toHaveLength(1);
        expect(cache.list(RESOURCES.ConfigMap, { namespace, labels: { 'starling.chat/cluster': 'other' } })).toHaveLength(0);
        await client.delete(reference);
        await waitFor(() => cache.get(reference) === undefined, DEADLINE);
      });
    });

    describe('the applier', () => {
      it('creates, then asks for nothing', async () => {
        const wanted = deployment(world.namespace, 'web');
        expect(await applier.applyDesired(wanted)).toMatchObject({ result: 'created', drift: [] });
        asked = [];
        for (let pass = 0; pass < 3; pass += 1) expect(await applier.applyDesired(wanted)).toMatchObject({ result: 'unchanged' });
        expect(asked).toEqual([]);
      });

      it.each(CHANGES)('puts back: $name', async (change) => {
        const wanted = change.of === 'Deployment' ? deployment(world.namespace, 'web') : configMap(world.namespace, 'web', { a: '1' });
        await applier.applyDesired(wanted);
        const before = await client.get(referenceOf(wanted));
        const applied = await repairAfter(change, wanted);
        expect(applied.drift.map(({ cause }) => cause)).toContain(change.cause);
        const live = await client.get(referenceOf(wanted));
        expect(contentOf(live)).toEqual(contentOf(before));
        await waitFor(async () => (await applier.applyDesired(wanted)).result === 'unchanged', DEADLINE);
        asked = [];
        expect(await applier.applyDesired(wanted)).toMatchObject({ result: 'unchanged' });
        expect(asked).toEqual([]);
      });

      async function repairAfter({ by, patch }: Change, wanted: ReturnType<typeof deployment>) {
        const changed = await client.patch(referenceOf(wanted), patch, { manager: by });
        await waitFor(() => {
          const held = cache.get(referenceOf(wanted));
          return held === undefined || Number(held.metadata.resourceVersion) >= Number(changed.metadata.resourceVersion);
        }, DEADLINE);
        return waitFor(async () => {
          const applied = await applier.applyDesired(wanted);
          return applied.result === 'applied' && applied;
        }, DEADLINE);
      }

      it('leaves what a manager added that may, and removes it when it no longer may', async () => {
        const wanted = deployment(world.namespace, 'web');
        await applier.applyDesired(wanted);
        const changed = await client.patch(referenceOf(wanted), { metadata: { labels: { mesh: 'on' } } }, { manager: 'injector' });
        cache.observe(changed);
        expect(await applier.applyDesired(wanted, { allowForeign: ['injector'] })).toMatchObject({ result: 'unchanged' });
        expect(await applier.applyDesired(wanted)).toMatchObject({ result: 'applied' });
        expect((await client.get(referenceOf(wanted)))?.metadata.labels).toEqual(wanted.metadata.labels);
      });

      it('leaves the number of replicas to others unless it wants one', async () => {
        const wanted = deployment(world.namespace, 'web');
        const { replicas: _, ...spec } = wanted['spec'] as { replicas: number };
        const unscaled = { ...wanted, spec };
        await applier.applyDesired(unscaled);
        const scaled = await client.patch(referenceOf(wanted), { spec: { replicas: 0 } }, { manager: 'autoscaler' });
        cache.observe(scaled);
        expect(await applier.applyDesired(unscaled)).toMatchObject({ result: 'unchanged' });
        expect(await client.get(referenceOf(wanted))).toMatchObject({ spec: { replicas: 0 } });
      });

      it('removes what it set before and wants no more', async () => {
        await applier.applyDesired(configMap(world.namespace, 'web', { a: '1', b: '2' }));
        const less = configMap(world.namespace, 'web', { a: '1' });
        expect(await applier.applyDesired(less)).toMatchObject({ result: 'applied', drift: [{ path: 'data.b', cause: 'stale' }] });
        expect((await client.get(referenceOf(less)))?.['data']).toEqual({ a: '1' });
      });

      it('gives back the label by which it finds its own, and touches nobody else’s', async () => {
        const wanted = configMap(world.namespace, 'web', { a: '1' });
        await applier.applyDesired(wanted);
        await client.patch(referenceOf(wanted), { metadata: { labels: { 'starling.chat/cluster': null } } }, { manager: 'kubectl-label' });
        await waitFor(() => cache.get(referenceOf(wanted)) === undefined, DEADLINE);
        expect(await applier.applyDesired(wanted)).toMatchObject({ result: 'applied' });
        const other = configMap(world.namespace, 'theirs', { a: '1' });
        const { labels: _, ...metadata } = other.metadata;
        await client.create({ ...other, metadata });
        await expect(applier.applyDesired(other)).rejects.toMatchObject({ reason: 'NotOurs' } satisfies Partial<KubeError>);
        await client.delete(referenceOf(other));
      });
    });

    it('writes an Event once', async () => {
      const wanted = configMap(world.namespace, 'one', {});
      const regarding = await client.create(wanted);
      const recorder = createEventRecorder({ client, controller: 'starling.chat/operator', instance: 'test' });
      const event = { type: 'Warning', reason: 'Tried', action: 'Try', note: 'it is a test' } as const;
      recorder.record(regarding, event);
      recorder.record(regarding, event);
      await recorder.settled();
      const events = await client.list(RESOURCES.Event, { namespace: world.namespace });
      expect(events.filter((found) => (found['regarding'] as { uid?: string }).uid === regarding.metadata.uid)).toMatchObject([
        { note: event.note, reason: 'Tried' },
      ]);
    });

    it('elects one leader, and the next at once when that one stops', async () => {
      const { namespace } = world;
      const led: string[] = [];
      const stand = (identity: string) =>
        campaign({
          client,
          namespace,
          name: 'election',
          identity,
          retryMs: 200,
          onLead: () => led.push(identity),
          onLoss: () => led.push(`not ${identity}`),
        });
      const one = stand('one');
      await waitFor(() => one.leads(), DEADLINE);
      const two = stand('two');
      await waitFor(() => asked.filter((request) => request === 'get leases').length > 3, DEADLINE);
      expect([one.leads(), two.leads()]).toEqual([true, false]);
      await one.stop();
      await waitFor(() => two.leads(), DEADLINE);
      expect(led).toEqual(['one', 'not one', 'two']);
      await two.stop();
      await client.delete({ resource: RESOURCES.Lease, namespace, name: 'election' });
    });
  });
}

/** Without what every write changes. */
function contentOf(object: object | undefined): unknown {
  const { status: _, metadata, ...content } = object as { status?: unknown; metadata: Record<string, unknown> };
  const { annotations = {}, labels } = metadata as { annotations?: Record<string, string>; labels?: unknown };
  const { 'deployment.kubernetes.io/revision': __, ...own } = annotations;
  return { ...content, metadata: { labels, annotations: own } };
}
