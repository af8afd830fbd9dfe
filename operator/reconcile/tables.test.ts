import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/index.ts';
import { planServices, type ServiceState } from './apps.ts';
import { judgeScaler } from './autoscale.ts';
import { connectionsToWrite } from './connections.ts';
import { bytesOf } from './data.ts';
import { replicasToWrite } from './delivery-replicas.ts';
import { judgeRegistration } from './metrics-registration.ts';
import { planOperation } from './plan-operation.ts';

describe('the plan of the services', () => {
  const complete = { state: 'complete' } as const;
  const rolling = { state: 'progressing', why: '' } as const;
  const at = (service: ServiceState['service'], live: string | undefined, rollout: ServiceState['rollout'] = complete): ServiceState => ({
    service,
    live,
    target: 'new',
    held: 'old',
    rollout: live === undefined ? undefined : rollout,
  });
  const plan = (states: ServiceState[], options: { first?: boolean; migrated?: boolean } = {}) =>
    Object.fromEntries(planServices(states, { first: false, migrated: true, ...options }));

  it('brings all up at once at first, but not before the Job', () => {
    const states = [at('conversation', undefined), at('web', undefined)];
    expect(plan(states, { first: true, migrated: false })).toEqual({ conversation: 'none', web: 'none' });
    expect(plan(states, { first: true })).toEqual({ conversation: 'target', web: 'target' });
  });

  it.each([
    ['before the Job', [at('conversation', 'old'), at('delivery', 'old'), at('web', 'old')], false, ['held', 'held', 'held']],
    ['at first', [at('conversation', 'old'), at('delivery', 'old'), at('web', 'old')], true, ['target', 'held', 'held']],
    ['while one rolls', [at('conversation', 'new', rolling), at('delivery', 'old'), at('web', 'old')], true, ['target', 'held', 'held']],
    ['after it', [at('conversation', 'new'), at('delivery', 'old'), at('web', 'old')], true, ['target', 'target', 'held']],
    ['at the end', [at('conversation', 'new'), at('delivery', 'new'), at('web', 'old')], true, ['target', 'target', 'target']],
    [
      'with one gone whose turn has not come',
      [at('conversation', 'old'), at('delivery', undefined), at('web', 'old')],
      true,
      ['target', 'held', 'held'],
    ],
    [
      'of something else than before',
      [at('conversation', 'old'), at('delivery', 'older'), at('web', 'older')],
      true,
      ['target', 'restore', 'restore'],
    ],
    [
      'with trouble at the target',
      [at('conversation', 'new', rolling), at('delivery', 'new'), at('web', 'new')],
      true,
      ['target', 'target', 'target'],
    ],
    [
      'with trouble, without the Job',
      [at('conversation', 'new', rolling), at('delivery', 'new'), at('web', 'new')],
      false,
      ['target', 'target', 'target'],
    ],
  ])('%s', (_, states, migrated, steps) => {
    expect(Object.values(plan(states as ServiceState[], { migrated: migrated as boolean }))).toEqual(steps);
  });
});

describe('the operation', () => {
  const now = Date.UTC(2030, 0, 1);
  const since = '2029-12-31T00:00:00Z';
  it.each([
    ['none', {}, false, undefined, true, false],
    ['an upgrade', { version: '1' }, false, 'upgrade', true, false],
    ['no upgrade', { version: '2' }, false, undefined, true, false],
    ['an upgrade that goes on', { version: '1', operation: { type: 'upgrade', since } }, false, 'upgrade', true, false],
    ['keys to replace', { version: '2' }, true, 'rotate', true, true],
    ['keys to replace in an upgrade', { version: '1', operation: { type: 'upgrade', since } }, true, 'rotate', true, true],
    ['an upgrade in a backup', { version: '1', operation: { type: 'backup', since } }, false, 'backup', false, false],
    ['keys to replace in a restore', { version: '2', operation: { type: 'restore', since } }, true, 'restore', false, false],
  ] as const)('with %s', (_, status, rotateNow, type, mayUpgrade, rotating) => {
    const plan = planOperation(status as never, { version: '2', rotateNow, now });
    expect([plan.operation?.type, plan.mayUpgrade, plan.rotating]).toEqual([type, mayUpgrade, rotating]);
  });

  it('keeps its beginning while it goes on', () => {
    expect(
      planOperation({ version: '1', operation: { type: 'upgrade', since } }, { version: '2', rotateNow: false, now }).operation?.since,
    ).toBe(since);
  });
});

describe('connections in the status', () => {
  const now = 1_000_000;
  it.each([
    ['nothing written yet', { counted: 7, written: undefined, writtenAt: undefined }, 7, undefined],
    ['a change of 5 %', { counted: 105, written: 100, writtenAt: undefined }, 100, undefined],
    ['a greater one', { counted: 106, written: 100, writtenAt: now - 60_000 }, 106, undefined],
    ['a greater one within the minute', { counted: 200, written: 100, writtenAt: now - 59_000 }, 100, now + 1_000],
    ['none any more', { counted: 0, written: 1, writtenAt: undefined }, 0, undefined],
    ['still none', { counted: 0, written: 0, writtenAt: undefined }, 0, undefined],
  ])('%s', (_, options, connections, again) => {
    expect(connectionsToWrite({ ...options, now })).toEqual(again === undefined ? { connections } : { connections, again });
  });
});

describe('pods of delivery', () => {
  it.each([
    [undefined, 2, 2],
    [0, 2, 2],
    [1, 2, 2],
    [2, 2, undefined],
    [9, 2, undefined],
  ])('live %s, at least %s: write %s', (live, minimum, written) => {
    expect(replicasToWrite(live, minimum)).toBe(written);
  });
});

describe('who serves custom metrics', () => {
  const service = (version: string, options: { namespace?: string; managed?: boolean; group?: string } = {}): KubeObject => ({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: {
      name: `${version}.custom.metrics.k8s.io`,
      uid: version,
      resourceVersion: '1',
      labels: options.managed === false ? {} : { 'app.kubernetes.io/managed-by': 'starling-operator' },
    },
    spec: {
      group: options.group ?? 'custom.metrics.k8s.io',
      version,
      service: { name: 'starling-metrics-api', namespace: options.namespace ?? 'starling-system' },
    },
  });
  const judge = (...services: KubeObject[]) => judgeRegistration(services, 'starling-system').state;

  it('is nobody, we, or another, of any version', () => {
    expect(judge()).toBe('absent');
    expect(judge(service('v1beta1', { group: 'metrics.k8s.io' }))).toBe('absent');
    expect(judge(service('v1beta2'))).toBe('ours');
    expect(judge(service('v1beta1'))).toBe('foreign');
    expect(judge(service('v1beta2'), service('v1beta1'))).toBe('foreign');
    expect(judge(service('v1beta2', { namespace: 'monitoring' }))).toBe('foreign');
    expect(judge(service('v1beta2', { managed: false }))).toBe('foreign');
  });
});

it('takes the word of the autoscaler', () => {
  const scaler = (status: string): KubeObject => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'chat-delivery', uid: 'u', resourceVersion: '1' },
    status: { conditions: [{ type: 'ScalingActive', status, message: 'no metrics' }] },
  });
  expect(judgeScaler(undefined).status).toBe('False');
  expect(judgeScaler(scaler('True')).status).toBe('True');
  expect(judgeScaler(scaler('False'))).toMatchObject({
    status: 'False',
    reason: 'ScalingInactive',
    message: expect.stringContaining('no metrics'),
  });
});

it('compares sizes in every unit', () => {
  expect(bytesOf('1Gi')).toBe(1_073_741_824n);
  expect(bytesOf('1024Mi')).toBe(bytesOf('1Gi'));
  expect(bytesOf('10G')).toBe(10_000_000_000n);
  expect(bytesOf('nonsense')).toBe(0n);
});
