import type { CursorTopic } from '@starling/contracts/log';
import { systemClock } from '@starling/platform/clock';
import type { EventLog } from '@starling/platform/log';
import { createTopics, LogConnectionError, LogTopicsError, openKafkaLog } from '@starling/platform/log/kafka';
import type { Logger } from '@starling/platform/telemetry';
import { StartError } from './database/index.ts';

/** A database has one log for its life; this is the first epoch of it. */
const EPOCH = 1;

/** The log on the brokers of `kafka://host:port,…`; the topics are made at the first start. Throws StartError. */
export async function openLogOf(
  url: string,
  options: { partitions: Record<CursorTopic, number>; pod: string; logger: Logger },
): Promise<EventLog> {
  const connection = { brokers: url.replace('kafka://', '').split(','), clientId: 'starling', logger: options.logger };
  try {
    await createTopics({ ...connection, epoch: EPOCH, partitions: options.partitions });
    return await openKafkaLog({ ...connection, epoch: EPOCH, partitions: options.partitions, pod: options.pod, clock: systemClock });
  } catch (error) {
    if (error instanceof LogConnectionError || error instanceof LogTopicsError)
      throw new StartError(`The log of --log cannot be used: ${error.message}.`);
    throw error;
  }
}
