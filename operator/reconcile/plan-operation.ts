import type { ChatClusterStatus } from '@starling/cdk8s/chat-cluster';

/** What is to happen to the installation as a whole, now that one thing may be under way already. */
export interface OperationPlan {
  operation: ChatClusterStatus['operation'];
  /** The version may be changed. */
  mayUpgrade: boolean;
  /** The signing keys are to be replaced at once. */
  rotating: boolean;
  why?: string;
}

/**
 * One operation at a time. A backup or restore is never disturbed. Replacing stolen keys does not wait for an upgrade, which
 * may hang: it takes a moment, and the upgrade goes on after it.
 */
export function planOperation(
  status: ChatClusterStatus,
  { version, rotateNow, now }: { version: string; rotateNow: boolean; now: number },
): OperationPlan {
  const since = new Date(now).toISOString();
  const held = status.operation;
  if (held?.type === 'backup' || held?.type === 'restore')
    return { operation: held, mayUpgrade: false, rotating: false, why: `a ${held.type} is under way since ${held.since}` };
  if (rotateNow) return { operation: held?.type === 'rotate' ? held : { type: 'rotate', since }, mayUpgrade: true, rotating: true };
  const upgrading = status.version !== undefined && status.version !== version;
  if (!upgrading) return { operation: undefined, mayUpgrade: true, rotating: false };
  return { operation: held?.type === 'upgrade' ? held : { type: 'upgrade', since }, mayUpgrade: true, rotating: false };
}
