import type { EventRecorder, KubeObject } from '../kube/index.ts';
import type { Condition } from './conditions.ts';

/** An Event for each condition that became another, or is false for another reason. */
export function tellTransitions(
  events: EventRecorder,
  cluster: KubeObject,
  before: readonly Condition[],
  after: readonly Condition[],
): void {
  for (const { type, status, reason, message } of after) {
    const held = before.find((condition) => condition.type === type);
    if (held?.status === status && (status === 'True' || held.reason === reason)) continue;
    // Not ready is told by what it follows from.
    if (type === 'Ready' && status !== 'True') continue;
    // What was never good is not news while it comes up.
    if (!held && status !== 'True' && type !== 'SpecValid') continue;
    events.record(cluster, {
      type: status === 'False' ? 'Warning' : 'Normal',
      reason,
      action: type,
      note: `${type} is ${status}: ${message}`,
    });
  }
}
