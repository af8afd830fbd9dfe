import { beforeEach, describe, expect, it } from 'vitest';
import { createApplier, KubeError, RESOURCES } from '../kube/index.ts';
import { METRICS_API_KEY, reconcile } from './reconcile.ts';
import { EXPANDED, Installation, SERVICES } from './test-installation.ts';

let installation: Installation;

beforeEach(() => {
  installation = new Installation();
});

describe('a fresh installation', () => {
  it('comes up in order: secrets and data, the expand Job, all services at once, the rules level; and is Ready', async () => {
    const { fake } = installation;
    installation.write();
    await installation.settle();
    expect(installation.condition('SpecValid').status).toBe('True');
    expect(installation.condition('DataReady')).toMatchObject({ status: 'False', reason: 'DataStarting' });
    expect(fake.list(RESOURCES.Job, {})).toEqual([]);
    expect(fake.list(RESOURCES.Deployment, {})).toEqual([]);

    installation.startData();
    await installation.settle();
    expect(installation.condition('DataReady').status).toBe('True');
    expect(installation.condition('Migrated')).toMatchObject({ status: 'False', reason: 'Migrating' });
    expect(fake.list(RESOURCES.Deployment, {})).toEqual([]);

    const expand = installation.endJob('expand', EXPANDED);
    await installation.settle();
    expect(fake.list(RESOURCES.Deployment, {}).map(({ metadata }) => metadata.name)).toHaveLength(SERVICES.length);
    expect(installation.status).toMatchObject({
      log: { epoch: 1 },
      rulesLevel: 1,
      migrations: [{ job: expand, version: '1.0.0' }],
      schemas: [{ service: 'identity', migration: '0001_first' }],
    });
    expect(installation.jobs('rules-level')).toEqual([]);

    installation.rollOut(...SERVICES);
    await installation.settle();
    expect(installation.condition('Ready').status).toBe('True');
    expect(installation.status).toMatchObject({ version: '1.0.0', targetVersion: '1.0.0', delivery: { ready: 2, desired: 2 } });
    installation.endJob('rules-level', { result: 'done', rulesLevel: 2 });
    await installation.settle();
    expect(installation.status.rulesLevel).toBe(2);
    expect(installation.status.operation).toBeUndefined();
  });

  it('does not say that it observed a spec of which the API cut its look off', async () => {
    await installation.install();
    const ready = installation.condition('Ready').observedGeneration;
    installation.fake.beforeWrite = (write) => {
      if (write === 'apply ConfigMap chat-web') throw new KubeError('no answer', { status: 0, reason: '' });
    };
    installation.write({ allowedOrigins: ['https://other.example.com'] });
    await expect(installation.pass()).rejects.toThrow('no answer');
    expect(installation.status.observedGeneration).toBe(ready);
    expect(installation.condition('Ready')).toMatchObject({ observedGeneration: ready });
    installation.fake.beforeWrite = () => {};
    await installation.settle();
    expect(installation.status.observedGeneration).toBeGreaterThan(ready);
    installation.rollOut(...SERVICES);
    await installation.settle();
    installation.rollOut(...SERVICES);
    await installation.settle();
  });

  it('makes no request once it is Ready', async () => {
    await installation.install();
    const before = installation.fake.requests;
    installation.fake.clock.advance(3_600_000);
    await installation.pass();
    expect(installation.fake.requests).toBe(before);
  });

  it('asks nothing of the metrics API at a resync either, but looks when its registration was changed', async () => {
    const { fake, tools } = installation;
    const service = { resource: RESOURCES.APIService, name: 'v1beta2.custom.metrics.k8s.io' };
    const passes = () => reconcile(tools, METRICS_API_KEY);
    await passes();
    await passes();
    expect(fake.get(service)).toBeDefined();
    const before = fake.requests;
    fake.clock.advance(600_000);
    expect((await passes())?.after).toBe(3_000_000);
    expect(fake.requests).toBe(before);
    fake.edit('APIService', service.name, (object) => {
      object['spec'] = { ...(object['spec'] as object), caBundle: 'x' };
    });
    await passes();
    expect((fake.find('APIService', service.name)['spec'] as { caBundle: string }).caBundle).not.toBe('x');
    // Its Secret is in no watch.
    fake.clock.advance(3_600_000);
    const asked = fake.requests;
    await passes();
    expect(fake.requests).toBe(asked + 1);
  });

  it('is not begun where somebody else has one of its names', async () => {
    installation.fake.put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'chat-web', namespace: 'team' }, spec: {} });
    installation.write();
    await installation.pass();
    expect(installation.condition('SpecValid')).toMatchObject({ status: 'False', reason: 'NameTaken' });
    expect(installation.condition('SpecValid').message).toContain('Service chat-web');
    expect(installation.fake.writes).toEqual(['apply ChatCluster chat/status']);
  });

  it('is not begun by a spec that the operator does not allow', async () => {
    installation = new Installation({ allowedRegistries: ['localhost'] });
    installation.write({ image: { repository: 'evil.example.com/starling' } });
    await installation.pass();
    expect(installation.condition('SpecValid')).toMatchObject({ status: 'False', reason: 'RegistryNotAllowed' });
    expect(installation.condition('SpecValid').message).toContain('spec.image.repository');
    expect(installation.fake.writes).toEqual(['apply ChatCluster chat/status']);
  });

  it('goes on after an end at any write', async () => {
    // The number of writes of a whole installation, then an installation that dies at each of them.
    await installation.install();
    const total = installation.fake.writes.length;
    for (let at = 1; at <= total; at += 23) {
      const cut = new Installation();
      let count = 0;
      cut.fake.beforeWrite = () => {
        count += 1;
        if (count === at) throw new Error('killed');
      };
      const survive = async () => {
        for (let dead = true; dead; cut.tools = cut.fake.tools()) {
          dead = await cut.settle().then(
            () => false,
            (error: Error) => error.message === 'killed' || Promise.reject(error),
          );
        }
      };
      cut.write();
      await survive();
      cut.startData();
      await survive();
      cut.endJob('expand', EXPANDED);
      await survive();
      cut.rollOut(...SERVICES);
      await survive();
      cut.endJob('rules-level', { result: 'done', rulesLevel: 1 });
      await survive();
      expect(cut.condition('Ready').status, `after the end at write ${at}`).toBe('True');
      expect(cut.fake.list(RESOURCES.Secret, {})).toHaveLength(installation.fake.list(RESOURCES.Secret, {}).length);
    }
  }, 120_000);
});

describe('objects of a ChatCluster that is Ready', () => {
  beforeEach(() => installation.install());

  it('are put back, each one that is deleted', async () => {
    const { fake } = installation;
    const kinds = ['Secret', 'ConfigMap', 'ServiceAccount', 'Service', 'Deployment', 'StatefulSet', 'PodDisruptionBudget'] as const;
    for (const kind of [...kinds, 'HorizontalPodAutoscaler', 'Ingress', 'NetworkPolicy'] as const) {
      const names = fake.list(RESOURCES[kind], { namespace: 'team' }).map(({ metadata }) => metadata.name);
      // What is retained is another matter, and of a finished Job nothing is missed.
      const missed = names.filter((name) => name !== 'chat-root' && !/^chat-(expand|rules-level)-/.test(name));
      expect(missed.length, kind).toBeGreaterThan(0);
      for (const name of missed) fake.remove(kind, name);
      await installation.settle();
      for (const name of missed) expect(fake.find(kind, name).metadata.name).toBe(name);
      if (kind === 'Deployment') installation.rollOut(...SERVICES);
      if (kind === 'StatefulSet') installation.startData();
    }
    await installation.settle();
    expect(installation.condition('Ready').status).toBe('True');
  });

  it('are put back when a StatefulSet lost its label after its volumes grew: its template cannot change', async () => {
    const { fake } = installation;
    const data = (size: string) => ({ data: { postgres: { builtin: { storage: { size } } }, log: { builtin: {} } } });
    installation.write(data('20Gi'));
    await installation.settle();
    const template = () => (fake.find('StatefulSet', 'chat-postgres')['spec'] as { volumeClaimTemplates: unknown }).volumeClaimTemplates;
    const before = JSON.stringify(template());
    expect(before).toContain('10Gi');
    const { cache } = installation.tools;
    const blind = {
      ...cache,
      get: (reference: Parameters<typeof cache.get>[0]) => (reference.name === 'chat-postgres' ? undefined : cache.get(reference)),
    };
    const tools = {
      ...installation.tools,
      cache: blind,
      applier: createApplier({ client: fake.client, cache: blind, manager: 'starling' }),
    };
    await reconcile(tools, 'team/chat');
    expect(JSON.stringify(template())).toBe(before);
  });

  it('are pruned when they are not wanted any more, and what others own is not', async () => {
    const { fake } = installation;
    const owner = fake.find('ChatCluster', 'chat').metadata;
    const labels = { 'starling.chat/cluster': 'chat' };
    const ownerReferences = [{ apiVersion: 'starling.chat/v1alpha1', kind: 'ChatCluster', name: 'chat', uid: owner.uid, controller: true }];
    fake.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'of-before', namespace: 'team', labels, ownerReferences } });
    fake.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'of-others', namespace: 'team', labels } });
    await installation.settle();
    const names = fake.list(RESOURCES.ConfigMap, {}).map(({ metadata }) => metadata.name);
    expect(names).not.toContain('of-before');
    expect(names).toContain('of-others');
  });

  it('are put back although a service is in trouble', async () => {
    installation.fake.edit('Deployment', 'chat-conversation', (deployment) => {
      deployment.status = { ...deployment.status, availableReplicas: 0, readyReplicas: 0 };
    });
    installation.fake.remove('Deployment', 'chat-web');
    await installation.settle();
    expect(installation.fake.find('Deployment', 'chat-web')).toBeDefined();
    expect(installation.condition('Ready').status).toBe('False');
  });

  it('go with it, but for the volumes and the root Secret, which the next one of its name adopts', async () => {
    const { fake } = installation;
    const root = fake.find('Secret', 'chat-root');
    fake.remove('ChatCluster', 'chat');
    await installation.pass();
    expect(fake.list(RESOURCES.Secret, {}).map(({ metadata }) => metadata.name)).toEqual(['chat-root']);
    expect(fake.list(RESOURCES.PersistentVolumeClaim, {})).toHaveLength(2);
    expect(fake.list(RESOURCES.Deployment, {})).toEqual([]);
    installation.write();
    await installation.settle();
    installation.startData();
    await installation.settle();
    expect(fake.find('Secret', 'chat-root')['data']).toEqual(root['data']);
    // The log of before is expected.
    const config = fake.find('ConfigMap', installation.job('expand').metadata.name) as unknown as { data: Record<string, string> };
    expect(JSON.parse(config.data['config.json'] ?? '')).toMatchObject({ epoch: 1, logExpected: true });
  });

  it('need the root Secret: when it is lost, no other is made', async () => {
    installation.fake.remove('Secret', 'chat-root');
    await installation.settle();
    expect(installation.condition('DataReady')).toMatchObject({ status: 'False', reason: 'RootSecretLost' });
    expect(installation.condition('DataReady').message).toContain('restore it from a backup');
    expect(installation.fake.list(RESOURCES.Secret, {}).map(({ metadata }) => metadata.name)).not.toContain('chat-root');
  });
});

describe('the pods of delivery', () => {
  const replicas = () => (installation.fake.find('Deployment', 'chat-delivery')['spec'] as { replicas?: number }).replicas;
  const scale = (count: number) =>
    installation.fake.edit('Deployment', 'chat-delivery', (deployment) => {
      (deployment['spec'] as { replicas: number }).replicas = count;
    });

  it('are as many as the minimum at first, and what the autoscaler says from then on', async () => {
    await installation.install();
    expect(replicas()).toBe(2);
    scale(5);
    await installation.settle();
    expect(replicas()).toBe(5);
  });

  it('are put back when somebody takes them away', async () => {
    await installation.install();
    scale(0);
    await installation.settle();
    expect(replicas()).toBe(2);
  });

  it('keep their number when the autoscaler comes back', async () => {
    await installation.install({ autoscaling: { source: 'None' }, delivery: { replicas: 7 } });
    expect(replicas()).toBe(7);
    expect(installation.fake.list(RESOURCES.HorizontalPodAutoscaler, {})).toEqual([]);
    installation.write();
    await installation.settle();
    expect(replicas()).toBe(7);
    expect(installation.fake.list(RESOURCES.HorizontalPodAutoscaler, {})).toHaveLength(1);
    installation.write({ autoscaling: { source: 'None' }, delivery: { replicas: 3 } });
    await installation.settle();
    expect(replicas()).toBe(3);
    expect(installation.fake.list(RESOURCES.HorizontalPodAutoscaler, {})).toEqual([]);
  });
});
