/**
 * What it costs to end a pod, as the ReplicaSet compares it: the emptiest third of a fleet goes first. A pod without the
 * annotation costs 0: of which nothing is known, or which has just come and has no sockets yet.
 */
export const DELETION_COSTS = { emptiest: 1, middle: 2, fullest: 3 } as const;

export type DeletionCost = (typeof DELETION_COSTS)[keyof typeof DELETION_COSTS];

/** Up to where a pod belongs to the emptiest third, and up to where to the middle one. */
export interface Bounds {
  emptiest: number;
  middle: number;
}

/** By how much of a bound a pod must be beyond it before it leaves its band: after a rebalance all are nearly the same. */
const SLACK = 0.05;

/** @param connections of each pod of the fleet; at least one. Pods with equally many are in the same band. */
export function boundsOf(connections: readonly number[]): Bounds {
  const sorted = connections.toSorted((a, b) => a - b);
  const upTo = (third: number) => sorted[Math.ceil((sorted.length * third) / 3) - 1] ?? 0;
  return { emptiest: upTo(1), middle: upTo(2) };
}

/** @param previous the cost that the pod has now, if any. */
export function deletionCost(connections: number, bounds: Bounds, previous: number | undefined): DeletionCost {
  const cost = costWithin(connections, bounds.emptiest, bounds.middle);
  const loose = costWithin(connections, bounds.emptiest * (1 + SLACK), bounds.middle * (1 + SLACK));
  const tight = costWithin(connections, bounds.emptiest * (1 - SLACK), bounds.middle * (1 - SLACK));
  return [loose, tight].find((near) => near === previous) ?? cost;
}

function costWithin(connections: number, emptiest: number, middle: number): DeletionCost {
  if (connections <= emptiest) return DELETION_COSTS.emptiest;
  return connections <= middle ? DELETION_COSTS.middle : DELETION_COSTS.fullest;
}
