import { waitFor } from '@starling/testing/wait-for';
import { type LiveObject, readObject } from './kubectl.ts';

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  observedGeneration?: number;
  lastTransitionTime: string;
}

export function conditionOf(object: LiveObject | undefined, type: string): Condition | undefined {
  return (object?.['status']?.conditions as Condition[] | undefined)?.find((condition) => condition.type === type);
}

/**
 * Waits until a condition has a status, and resolves with it. Of an object with `observedGeneration`, only a condition that
 * speaks of the present spec counts.
 *
 * @param within ms.
 */
export function waitForCondition(
  namespace: string,
  reference: string,
  expected: { type: string; status?: Condition['status']; reason?: string },
  within: number,
): Promise<Condition> {
  const { type, status = 'True', reason } = expected;
  return waitUntil(`${reference} to have ${type}=${status}${reason ? ` (${reason})` : ''}`, within, async () => {
    const object = await readObject(namespace, reference);
    const condition = conditionOf(object, type);
    const current = condition?.observedGeneration === undefined || condition.observedGeneration === object?.['metadata'].generation;
    return current && condition?.status === status && (reason === undefined || condition.reason === reason) && condition;
  });
}

/** Waits until a condition of the test's own holds. Asks the API less often than `waitFor`, and says what was waited for. */
export function waitUntil<T>(what: string, within: number, holds: () => T | Promise<T>) {
  let next = 0;
  return waitFor(
    async () => {
      if (performance.now() < next) return undefined;
      const answer = await holds();
      next = performance.now() + ASK_EVERY_MS;
      return answer;
    },
    { deadline: within, describe: what },
  );
}

const ASK_EVERY_MS = 250;
