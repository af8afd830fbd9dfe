import { FakeClock } from '@starling/testing/clock';
import { beforeEach, expect, it } from 'vitest';
import { type Access, createAuthorizer } from './authorize.ts';
import type { Caller } from './front-proxy.ts';

const ANN: Caller = { user: 'ann', groups: ['staff'], extra: { scope: ['s'] } };
const DISCOVERY: Access = { nonResourceAttributes: { path: '/apis', verb: 'get' } };

const clock = new FakeClock();
let asked: { method: string; path: string; body: unknown }[];
let status: object | Error;
const client = {
  request: async (method: string, path: string, body?: object) => {
    asked.push({ method, path, body });
    if (status instanceof Error) throw status;
    return { status };
  },
};
let authorize: ReturnType<typeof createAuthorizer>;
beforeEach(() => {
  asked = [];
  status = { allowed: true };
  authorize = createAuthorizer({ client, clock });
});

it('asks the API, and believes it for ten seconds', async () => {
  expect(await authorize(ANN, DISCOVERY)).toBe(true);
  expect(asked).toEqual([
    {
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { ...DISCOVERY, ...ANN } },
    },
  ]);
  status = { allowed: false };
  clock.advance(9_999);
  expect(await authorize(ANN, DISCOVERY)).toBe(true);
  clock.advance(1);
  expect(await authorize(ANN, DISCOVERY)).toBe(false);
  expect(asked).toHaveLength(2);
});

it('asks once for those who ask at the same time, and for each caller and right of its own', async () => {
  await Promise.all([authorize(ANN, DISCOVERY), authorize(ANN, DISCOVERY)]);
  expect(asked).toHaveLength(1);
  await authorize({ ...ANN, groups: [] }, DISCOVERY);
  await authorize({ ...ANN, uid: '7' }, DISCOVERY);
  await authorize(ANN, { nonResourceAttributes: { path: '/apis/x', verb: 'get' } });
  expect(asked).toHaveLength(4);
});

it('allows nothing that the API does not allow in so many words', async () => {
  for (const answer of [{}, { allowed: 'true' }, { allowed: true, denied: true }]) {
    status = answer;
    expect(await createAuthorizer({ client, clock })(ANN, DISCOVERY)).toBe(false);
  }
});

it('rejects without an answer, and asks again', async () => {
  status = new Error('no answer');
  await expect(authorize(ANN, DISCOVERY)).rejects.toThrow('no answer');
  status = { allowed: true };
  expect(await authorize(ANN, DISCOVERY)).toBe(true);
});

it('keeps no more than a thousand answers', async () => {
  for (let number = 0; number <= 1_000; number++) await authorize({ ...ANN, user: `user ${number}` }, DISCOVERY);
  await authorize({ ...ANN, user: 'user 1000' }, DISCOVERY);
  expect(asked).toHaveLength(1_001);
  await authorize({ ...ANN, user: 'user 0' }, DISCOVERY);
  expect(asked).toHaveLength(1_002);
});
