import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '@starling/platform/config';
import { DatabaseConnectionError, isTransient, NewerSchemaError } from '@starling/platform/db';
import { LogConnectionError, LogLostError, LogTopicsError } from '@starling/platform/log/kafka';
import { PreparationBusyError, RulesLevelError, SkippedVersionError } from '@starling/platform/log/postgres';
import { isUnreachable } from '@starling/platform/process';
import { createLogger, type Logger } from '@starling/platform/telemetry';
import { JobConfig } from './job-config.ts';

/** What stays as it is until a person changes something. */
export type RefusalReason = 'SchemaNewer' | 'RulesLevelHigher' | 'VersionSkipped' | 'LogLost' | 'LogForeign' | 'Configuration';

export interface JobDone {
  result: 'done';
  /** The level of the log's rules that is in force. */
  rulesLevel: number;
  epoch: number;
  /** The last migration of each service that has tables. */
  migrations: Record<string, string>;
}

/** What whoever started the Job reads of it: one line of JSON. */
export type JobResult = JobDone | { result: 'refused'; reason: RefusalReason; message: string } | { result: 'failed'; message: string };

/** How long what does not answer is asked again, ms. */
const RETRY_FOR_MS = 180_000;
const RETRY_MS = 3_000;
/** A pod's termination message is cut off at 4,096 bytes. */
const MESSAGE_CHARACTERS = 1_000;

/** Does a Job's work by the file of `--config`, and writes its result into the file of `--result`. Ends the process. */
export async function runJob(name: string, work: (config: JobConfig, logger: Logger) => Promise<JobDone>): Promise<never> {
  const logger = createLogger({ service: name });
  const { values } = parseArgs({ options: { config: { type: 'string' }, result: { type: 'string' } } });
  const result = await attemptJob(
    async () => {
      if (values.config === undefined) throw new ConfigError('name the configuration file: --config FILE');
      return work(loadConfig(JobConfig, { file: values.config }), logger);
    },
    { logger },
  );
  if (result.result === 'done') logger.info(result, 'done');
  else logger.fatal(result, result.message);
  if (values.result !== undefined) await writeFile(values.result, `${JSON.stringify(result)}\n`);
  process.exit(result.result === 'done' ? 0 : 1);
}

/**
 * Attempts the work until it is done or refused; while database or brokers do not answer, for three minutes unless given
 * otherwise. Never rejects.
 */
export async function attemptJob(
  work: () => Promise<JobDone>,
  { logger, retryForMs = RETRY_FOR_MS }: { logger: Logger; retryForMs?: number },
): Promise<JobResult> {
  const deadline = Date.now() + retryForMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const { message } = error as Error;
      const passes = isUnreachable(error) || isTransient(error) || error instanceof PreparationBusyError;
      if (!passes || Date.now() >= deadline) return describeFailure(error as Error);
      logger.warn({ reason: message }, 'what is needed does not answer; it is tried again');
      await delay(RETRY_MS);
    }
  }
}

function describeFailure(error: Error): JobResult {
  const message = error.message.slice(0, MESSAGE_CHARACTERS);
  const reason = reasonOf(error);
  return reason ? { result: 'refused', reason, message } : { result: 'failed', message };
}

function reasonOf(error: Error): RefusalReason | undefined {
  if (error instanceof NewerSchemaError) return 'SchemaNewer';
  if (error instanceof RulesLevelError) return 'RulesLevelHigher';
  if (error instanceof SkippedVersionError) return 'VersionSkipped';
  if (error instanceof LogLostError) return 'LogLost';
  if (error instanceof LogTopicsError) return 'LogForeign';
  if (error instanceof ConfigError) return 'Configuration';
  if (error instanceof DatabaseConnectionError || error instanceof LogConnectionError)
    return error.unreachable ? undefined : 'Configuration';
  return undefined;
}
