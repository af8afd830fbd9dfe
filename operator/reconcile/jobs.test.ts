import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/index.ts';
import { judgeJob } from './jobs.ts';

const metadata = { name: 'chat-expand-1', uid: 'u', resourceVersion: '1' };
const job = (type?: string): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata,
  status: { conditions: type ? [{ type, status: 'True', message: 'backoff limit' }] : [] },
});
const ended = (name: string, message: unknown, finishedAt = '2030-01-01T00:00:00Z'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...metadata, name },
  status: {
    containerStatuses: [
      {
        name: 'expand',
        state: { terminated: { exitCode: 1, finishedAt, message: typeof message === 'string' ? message : JSON.stringify(message) } },
      },
    ],
  },
});
const refused = { result: 'refused', reason: 'SchemaNewer', message: 'newer' };

describe('a Job', () => {
  it('that is complete tells its result, also when its pods are gone', () => {
    expect(judgeJob(job('Complete'), [ended('a', { result: 'done', rulesLevel: 2 })])).toEqual({
      state: 'done',
      result: { result: 'done', rulesLevel: 2 },
    });
    expect(judgeJob(job('Complete'), [])).toEqual({ state: 'done', result: { result: 'done' } });
  });

  it('that is refused is so from the first pod that says it: trying again changes nothing', () => {
    expect(judgeJob(job(), [ended('a', refused)])).toEqual({ state: 'refused', reason: 'SchemaNewer', message: 'newer' });
    expect(judgeJob(job('Failed'), [ended('a', refused)]).state).toBe('refused');
  });

  it('that failed names pod and cause, the last one', () => {
    const pods = [ended('b', { result: 'failed', message: 'no database' }, '2030-01-01T00:00:02Z'), ended('a', 'Segmentation fault')];
    expect(judgeJob(job('Failed'), pods)).toEqual({ state: 'failed', why: 'Job chat-expand-1 failed: pod b: no database' });
    expect(judgeJob(job('Failed'), [ended('a', '{"result":')])).toMatchObject({
      why: 'Job chat-expand-1 failed: pod a: ended with code 1 ({"result":)',
    });
    expect(judgeJob(job('Failed'), [])).toMatchObject({ state: 'failed', why: 'Job chat-expand-1 failed: backoff limit' });
  });

  it('whose pod cannot start is halted', () => {
    const pod = {
      ...ended('a', ''),
      status: { containerStatuses: [{ name: 'expand', state: { waiting: { reason: 'ImagePullBackOff' } } }] },
    };
    expect(judgeJob(job(), [pod])).toMatchObject({
      state: 'halted',
      why: 'Job chat-expand-1: pod a: ImagePullBackOff of container expand',
    });
  });

  it('that has not ended runs', () => {
    expect(judgeJob(job(), []).state).toBe('running');
    expect(judgeJob(job(), [ended('a', 'null')]).state).toBe('running');
  });
});
