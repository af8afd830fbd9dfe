import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/index.ts';
import { findTrouble, judgeDeployment, judgeStatefulSet } from './rollout.ts';

const metadata = { name: 'chat-web', uid: 'u', resourceVersion: '1', generation: 2 };

function deployment(status: object, replicas = 2): KubeObject {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas }, status: { observedGeneration: 2, ...status } };
}

function pod(name: string, hash: string, created: string, status: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: created, labels: { 'pod-template-hash': hash } },
    status: status as Record<string, unknown>,
  };
}

const waiting = (reason: string) => ({ containerStatuses: [{ name: 'web', state: { waiting: { reason } } }] });
const all = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
const available = [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }];

describe('a Deployment', () => {
  it.each([
    ['all of whose pods are new and available', deployment(all), 'complete'],
    ['whose change was not seen yet', deployment({ ...all, observedGeneration: 1 }), 'progressing'],
    ['with a pod of before', deployment({ ...all, replicas: 3 }), 'progressing'],
    ['with too few new pods', deployment({ ...all, updatedReplicas: 1 }), 'progressing'],
    ['with too few available ones', deployment({ ...all, availableReplicas: 1 }), 'progressing'],
    ['that was rolled out and grows', deployment({ ...all, replicas: 4, updatedReplicas: 4, conditions: available }, 4), 'complete'],
    ['that was rolled out and serves with one pod', deployment({ ...all, availableReplicas: 1, conditions: available }), 'complete'],
    ['that was rolled out and serves nobody', deployment({ ...all, availableReplicas: 0, conditions: available }), 'progressing'],
    ['without a pod', deployment({}, 0), 'progressing'],
    [
      'that made no progress in its time',
      deployment({ conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' }] }),
      'halted',
    ],
    [
      'of which a quota allows no pods',
      deployment({ conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' }] }),
      'halted',
    ],
  ])('%s is as it is', (_, object, state) => {
    expect(judgeDeployment(object, []).state).toBe(state);
  });

  it('is halted by the pods of its newest template alone, with pod and cause', () => {
    const rolling = deployment({ replicas: 3, updatedReplicas: 1, availableReplicas: 2 });
    const old = pod('web-old', 'a', '2030-01-01T00:00:00Z', waiting('CrashLoopBackOff'));
    expect(judgeDeployment(rolling, [old, pod('web-new', 'b', '2030-01-02T00:00:00Z')]).state).toBe('progressing');
    expect(judgeDeployment(rolling, [old, pod('web-new', 'b', '2030-01-02T00:00:00Z', waiting('ErrImagePull'))])).toEqual({
      state: 'halted',
      why: 'pod web-new: ErrImagePull of container web',
    });
  });
});

describe('trouble of a pod', () => {
  it.each(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'CrashLoopBackOff', 'CreateContainerConfigError'])('is %s', (reason) => {
    expect(findTrouble([pod('p', 'a', '', waiting(reason))])).toBe(`pod p: ${reason} of container web`);
  });

  it('is that no node takes it', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available' }];
    expect(findTrouble([pod('p', 'a', '', { conditions })])).toBe('pod p: Unschedulable (0/1 nodes are available)');
  });

  it('tells how the last run ended, in a line', () => {
    const lastState = { terminated: { exitCode: 1, message: `configuration/port:\n must be integer ${'x'.repeat(2_000)}` } };
    const trouble = findTrouble([
      pod('p', 'a', '', { containerStatuses: [{ name: 'web', lastState, ...waiting('CrashLoopBackOff').containerStatuses[0] }] }),
    ]);
    expect(trouble).toContain('ended with code 1: configuration/port: must be integer');
    expect(trouble?.length).toBeLessThan(600);
  });

  it('is not that it starts, nor of one that is going', () => {
    expect(findTrouble([pod('p', 'a', '', waiting('ContainerCreating'))])).toBeUndefined();
    const going = pod('p', 'a', '', waiting('CrashLoopBackOff'));
    going.metadata.deletionTimestamp = '2030-01-01T00:00:00Z';
    expect(findTrouble([going])).toBeUndefined();
  });
});

describe('a StatefulSet', () => {
  const set = (status: object): KubeObject => ({
    ...deployment({}),
    kind: 'StatefulSet',
    spec: { replicas: 1 },
    status: { observedGeneration: 2, ...status },
  });
  it.each([
    ['with all pods ready', { readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1 }, 'complete'],
    ['with none ready', { readyReplicas: 0, updatedReplicas: 1 }, 'progressing'],
    [
      'with a pod of before',
      { readyReplicas: 1, availableReplicas: 1, currentRevision: 'a', updateRevision: 'b', updatedReplicas: 0 },
      'progressing',
    ],
  ])('%s is as it is', (_, status, state) => {
    expect(judgeStatefulSet(set(status), []).state).toBe(state);
  });
});
