import { randomUUID } from 'node:crypto';
import { type CursorTopic, countPartitions, TOPICS, type Topic } from '@starling/contracts/log';
import type { Clock } from '../../clock/index.ts';
import { AppendQueue } from '../append-queue.ts';
import type { EventLog, Subscription } from '../event-log.ts';
import { Appender } from './appender.ts';
import { createKafka, type KafkaConnection, TIMINGS, type Timings } from './client.ts';
import { explainConnectFailure, LogTopicsError } from './errors.ts';
import { GapWatch } from './gap-watch.ts';
import { subscribeGroup } from './group.ts';
import { within } from './membership.ts';
import { tailGroupsOf, topicName } from './names.ts';
import { fetchOffsetsAt, Ranges } from './offsets.ts';
import { createWarn } from './quiet-warnings.ts';
import { Tail } from './tail.ts';
import { checkTopics } from './topics.ts';

const DISCONNECT_MS = 5_000;

export interface KafkaLogOptions extends KafkaConnection {
  clock: Clock;
  /** Names this process in its tails' groups; any name that no other process has. */
  pod?: string;
  epoch: number;
  /** Those of the epoch. */
  partitions: Record<CursorTopic, number>;
  timings?: Partial<Timings>;
}

/**
 * The event log on Kafka. The topics must be there ({@link createTopics}).
 *
 * @throws LogConnectionError when the brokers cannot be used as configured.
 * @throws LogTopicsError when the topics are not those of the epoch.
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  const { clientId, clock, logger, pod = randomUUID(), epoch } = options;
  const partitions = countPartitions(options.partitions);
  const timings = { ...TIMINGS, ...options.timings };
  const kafka = createKafka(options, timings);
  const admin = kafka.admin();
  const appender = new Appender({ kafka, epoch, logger, timings });

  async function disconnect(): Promise<void> {
    await Promise.all([within(DISCONNECT_MS, appender.disconnect()), within(DISCONNECT_MS, admin.disconnect())]);
  }

  try {
    await admin.connect();
    await appender.connect();
    await checkTopics(admin, epoch, partitions);
  } catch (error) {
    await disconnect();
    throw error instanceof LogTopicsError ? error : explainConnectFailure(error, options);
  }

  const gaps = new GapWatch(clock);
  const ranges = Object.fromEntries(TOPICS.map((topic) => [topic, new Ranges(admin, topic, epoch, partitions[topic])])) as Record<
    Topic,
    Ranges
  >;
  const context = {
    kafka,
    admin,
    gaps,
    epoch,
    partitions,
    ranges,
    timings,
    logger,
    warnAbout: createWarn(logger),
    groupPrefix: `${tailGroupsOf(clientId)}${pod}`,
  };
  const appends = new AppendQueue((topic, partition, records) => appender.write(topic, partition, records));
  const readers = new Set<Subscription>();

  /** Keeps a reader until it is stopped, so that it ends with the log at the latest. */
  function hold<T extends Subscription>(reader: T): T {
    const stop = reader.stop.bind(reader);
    let stopped: Promise<void> | undefined;
    reader.stop = () => {
      stopped ??= stop().finally(() => readers.delete(reader));
      return stopped;
    };
    readers.add(reader);
    return reader;
  }

  return {
    epoch,
    partitions,
    async append(topic, partition, records) {
      if (!(partition >= 0 && partition < partitions[topic])) throw new Error(`the log has no partition ${partition} of ${topic}`);
      return appends.append(topic, partition, records);
    },
    endOffsets: async (topic) => (await ranges[topic].fetch()).map(({ end }) => end),
    lowOffsets: async (topic) => (await ranges[topic].fetch()).map(({ low }) => low),
    offsetsAt: (topic, at) => fetchOffsetsAt(admin, { name: topicName(topic, epoch), count: partitions[topic], at }),
    tail: (tail) => hold(new Tail(context, tail)),
    subscribe: (group) => hold(subscribeGroup(context, group)),
    async close() {
      appends.close();
      gaps.stop();
      await Promise.all([...readers].map((reader) => reader.stop()));
      await disconnect();
    },
  };
}
