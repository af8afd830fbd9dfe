import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

type Falsy = false | 0 | 0n | '' | null | undefined;

const interval = 10;

/**
 * Waits until the condition holds and returns its value. A condition that throws does not hold yet.
 * Throws an Error with what was awaited and the last value or error after `deadline` ms, even if the condition itself hangs.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { deadline = 10_000, describe = condition.toString() }: { deadline?: number; describe?: string } = {},
): Promise<Exclude<T, Falsy>> {
  const end = performance.now() + deadline;
  let last = 'it never answered';
  for (;;) {
    const late = new AbortController();
    const answer = await Promise.race([
      attempt(condition),
      delay(Math.max(0, end - performance.now()), undefined, late).catch(() => undefined),
    ]);
    late.abort();
    if (answer !== undefined && 'value' in answer) {
      if (answer.value) return answer.value as Exclude<T, Falsy>;
      last = `the last value was ${inspect(answer.value)}`;
    } else if (answer !== undefined) {
      last = `the last error was ${inspect(answer.error)}`;
    }
    if (answer === undefined || performance.now() >= end) {
      throw new Error(`Waited ${deadline} ms in vain for: ${describe}; ${last}`);
    }
    await delay(interval);
  }
}

async function attempt<T>(condition: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}
