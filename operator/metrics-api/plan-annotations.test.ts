import { describe, expect, it } from 'vitest';
import { boundsOf, deletionCost } from './deletion-cost.ts';
import type { DeliveryPod } from './delivery-pods.ts';
import { CONNECTIONS_ANNOTATION, COST_ANNOTATION, planAnnotations } from './plan-annotations.ts';

function podOf(name: string, options: { cluster?: string; namespace?: string; noted?: string; cost?: string } = {}): DeliveryPod {
  const { cluster = 'chat', namespace = 'team', noted, cost } = options;
  const annotations = {
    ...(noted === undefined ? {} : { [CONNECTIONS_ANNOTATION]: noted }),
    ...(cost === undefined ? {} : { [COST_ANNOTATION]: cost }),
  };
  return { uid: `${namespace}/${name}`, namespace, name, cluster, address: '127.0.0.1', labels: {}, annotations };
}

const costs = (connections: number[]) => connections.map((value) => deletionCost(value, boundsOf(connections), undefined));

describe('the cost of ending a pod', () => {
  it.each([
    [[5], [1]],
    [
      [5, 9],
      [1, 2],
    ],
    [
      [9, 5, 7],
      [3, 1, 2],
    ],
    [
      [1, 2, 3, 4, 5, 6],
      [1, 1, 2, 2, 3, 3],
    ],
    [
      [4, 4, 4, 4],
      [1, 1, 1, 1],
    ],
    [
      [0, 0, 0, 8],
      [1, 1, 1, 3],
    ],
  ])('in a fleet with %j connections is %j', (connections, expected) => {
    expect(costs(connections)).toEqual(expected);
  });

  it('stays as it is while the pod is within a twentieth of the bound', () => {
    const bounds = { emptiest: 100, middle: 200 };
    expect(deletionCost(104, bounds, undefined)).toBe(2);
    expect(deletionCost(104, bounds, 1)).toBe(1);
    expect(deletionCost(106, bounds, 1)).toBe(2);
    expect(deletionCost(96, bounds, 2)).toBe(2);
    expect(deletionCost(94, bounds, 2)).toBe(1);
    expect(deletionCost(196, bounds, 3)).toBe(3);
    expect(deletionCost(10, bounds, 3)).toBe(1);
    expect(deletionCost(10, bounds, -100)).toBe(1);
  });
});

describe('annotations', () => {
  it('are planned for pods that have none, in the bands of their own fleet', () => {
    const plan = planAnnotations([
      { pod: podOf('a'), connections: 10 },
      { pod: podOf('b'), connections: 20 },
      { pod: podOf('c'), connections: 30 },
      { pod: podOf('d', { cluster: 'other' }), connections: 500 },
      { pod: podOf('e', { namespace: 'elsewhere' }), connections: 400 },
    ]);
    expect(plan.map(({ pod, annotations }) => [pod.name, annotations[CONNECTIONS_ANNOTATION], annotations[COST_ANNOTATION]])).toEqual([
      ['a', '10', '1'],
      ['b', '20', '2'],
      ['c', '30', '3'],
      ['d', '500', '1'],
      ['e', '400', '1'],
    ]);
  });

  it.each([
    ['100', 100, false],
    ['100', 105, false],
    ['100', 106, true],
    ['100', 94, true],
    ['0', 0, false],
    ['0', 1, true],
    ['many', 100, true],
    [undefined, 100, true],
  ])('%s are written anew for %d connections: %s', (noted, connections, expected) => {
    const pod = podOf('a', { cost: '1', ...(noted === undefined ? {} : { noted }) });
    expect(planAnnotations([{ pod, connections }]).length === 1).toBe(expected);
  });

  it('are written anew when the band changes', () => {
    const pods = [
      { pod: podOf('a', { noted: '10', cost: '3' }), connections: 10 },
      { pod: podOf('b', { noted: '20', cost: '2' }), connections: 20 },
    ];
    expect(planAnnotations(pods).map(({ pod }) => pod.name)).toEqual(['a']);
  });
});
