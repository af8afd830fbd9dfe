import { Writable } from 'node:stream';
import { createLogger } from '@starling/platform/telemetry';
import { FakeClock } from '@starling/testing/clock';
import { beforeEach, describe, expect, it } from 'vitest';
import { KubeError, type KubeObject, type ObjectReference } from '../kube/types.ts';
import { Annotator } from './annotator.ts';
import type { DeliveryPod } from './delivery-pods.ts';
import { Loads } from './loads.ts';
import { CONNECTIONS_ANNOTATION, COST_ANNOTATION } from './plan-annotations.ts';
import { testPod } from './test-pods.ts';

/** The API as far as it is written to: what is patched is on the pods from then on, as a watch would tell. */
const pods: DeliveryPod[] = [];
let patches: string[];
let outcomes: string[];
let lines: string[];
let failure: Error | undefined;
const client = {
  patch: async ({ namespace, name }: ObjectReference, body: object) => {
    patches.push(name);
    if (failure) throw failure;
    const { uid, annotations } = (body as { metadata: { uid: string; annotations: Record<string, string> } }).metadata;
    const pod = pods.find((candidate) => candidate.uid === uid && candidate.namespace === namespace) ?? expect.fail('no such pod');
    Object.assign(pod.annotations, annotations);
    return {} as KubeObject;
  },
};

let clock: FakeClock;
let loads: Loads;
const annotators = () => {
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const logger = createLogger({ service: 'test', destination });
  return new Annotator({ client, loads, clock, logger, observe: (outcome) => outcomes.push(outcome) });
};
const connect = (name: string, connections: number) =>
  loads.note(`uid-${name}`, { connections, refusedUpgrades: 0, draining: false }, clock.now());

let annotator: Annotator;
beforeEach(() => {
  clock = new FakeClock();
  loads = new Loads({ intervalMs: 600_000 });
  pods.splice(0, pods.length, ...['a', 'b', 'c'].map((name) => testPod(name, { annotations: {} })));
  [patches, outcomes, lines, failure] = [[], [], [], undefined];
  annotator = annotators();
  annotator.lead(true);
});

describe('the leader', () => {
  it('writes what pods hold and cost, and nothing on those of which nothing is known', async () => {
    connect('a', 10);
    connect('b', 20);
    await annotator.annotate(pods);
    expect(pods.map(({ annotations }) => [annotations[CONNECTIONS_ANNOTATION], annotations[COST_ANNOTATION]])).toEqual([
      ['10', '1'],
      ['20', '2'],
      [undefined, undefined],
    ]);
    expect(outcomes).toEqual(['written', 'written']);
  });

  it('writes at most once a minute and pod, and only what has changed', async () => {
    for (let second = 0; second < 120; second += 5) {
      connect('a', 10 + second);
      connect('b', 1_000);
      await annotator.annotate(pods);
      clock.advance(5_000);
    }
    expect(patches).toEqual(['a', 'b', 'a']);
  });

  it('tries what has failed again after a minute, and says so', async () => {
    connect('a', 10);
    failure = new KubeError('no', { status: 500, reason: 'InternalError' });
    await annotator.annotate(pods);
    clock.advance(59_999);
    await annotator.annotate(pods);
    expect(patches).toEqual(['a']);
    expect(lines.join()).toContain('team/a');
    failure = undefined;
    clock.advance(1);
    await annotator.annotate(pods);
    expect(outcomes).toEqual(['failed', 'written']);
  });

  it('makes nothing of a pod that is gone', async () => {
    connect('a', 10);
    failure = new KubeError('gone', { status: 404, reason: 'NotFound' });
    await annotator.annotate(pods);
    expect([outcomes, lines]).toEqual([[], []]);
  });
});

describe('the change of leaders', () => {
  it('brings no write within a minute of the one before', async () => {
    connect('a', 10);
    await annotator.annotate(pods);
    const next = annotators();
    await next.annotate(pods);
    next.lead(true);
    connect('a', 100);
    connect('b', 100);
    await next.annotate(pods);
    // Of `b` nobody has written anything.
    expect(patches).toEqual(['a', 'b']);
    clock.advance(60_000);
    await next.annotate(pods);
    expect(patches).toEqual(['a', 'b', 'a']);
  });

  it('ends the writes of whoever led', async () => {
    annotator.lead(false);
    connect('a', 10);
    await annotator.annotate(pods);
    expect(patches).toEqual([]);
    expect(annotator.leads).toBe(false);
  });
});
