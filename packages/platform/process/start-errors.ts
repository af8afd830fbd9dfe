import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../config/index.ts';
import { DatabaseConnectionError, NewerSchemaError } from '../db/index.ts';
import { LogConnectionError, LogTopicsError } from '../log/kafka/index.ts';
import { PreparationBusyError, RulesLevelError, SkippedVersionError } from '../log/postgres/index.ts';
import type { Logger } from '../telemetry/index.ts';

const RETRY_MS = 3_000;
const EXPLAINED = [
  ConfigError,
  DatabaseConnectionError,
  LogConnectionError,
  LogTopicsError,
  NewerSchemaError,
  PreparationBusyError,
  RulesLevelError,
  SkippedVersionError,
];

/** Whether the message alone tells the operator what is wrong and what to do: a stack would only bury it. */
export function isExplained(error: unknown): error is Error {
  return EXPLAINED.some((type) => error instanceof type);
}

/** Whether database or brokers do not answer: a service waits for them, since ending would not bring them back. */
export function isUnreachable(error: unknown): error is Error {
  return (error instanceof DatabaseConnectionError || error instanceof LogConnectionError) && error.unreachable;
}

/**
 * Tries until it succeeds or is refused; while nobody answers, that is logged every few seconds.
 *
 * @param options.onUnreachable is called after each attempt that nobody answered.
 */
export async function untilReached<T>(attempt: () => Promise<T>, options: { logger: Logger; onUnreachable?(): void }): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      options.logger.warn({ reason: error.message }, 'what the service needs does not answer; it is tried again');
      options.onUnreachable?.();
      await delay(RETRY_MS);
    }
  }
}
