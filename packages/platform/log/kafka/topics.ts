import { TOPICS, type Topic } from '@starling/contracts/log';
import type { Admin } from 'kafkajs';
import { createKafka, type KafkaConnection, TIMINGS } from './client.ts';
import { explainConnectFailure, LogTopicsError } from './errors.ts';
import { topicName } from './names.ts';

const DAY_MS = 86_400_000;
const RETENTION_MS: Record<Topic, number> = { conversations: 7 * DAY_MS, receipts: DAY_MS, users: 7 * DAY_MS };
/** Records go by whole segments: the more often a new one begins, the less outlives its time. */
const SEGMENT_MS = DAY_MS / 4;
const MOST_REPLICAS = 3;

/** Connects once, and changes nothing. Throws a LogConnectionError that says what is wrong. */
export async function checkBrokers(options: KafkaConnection): Promise<void> {
  const admin = createKafka(options, TIMINGS).admin();
  try {
    await connect(admin, options);
  } finally {
    await admin.disconnect();
  }
}

async function connect(admin: Admin, options: KafkaConnection): Promise<void> {
  try {
    await admin.connect();
  } catch (error) {
    throw explainConnectFailure(error, options);
  }
}

/**
 * Makes the topics of an epoch where they are not there yet; to be called by whoever sets up an installation, never by
 * a service. On three or more brokers every record lies on three and counts when two have it.
 */
export async function createTopics(options: KafkaConnection & { epoch: number; partitions: Record<Topic, number> }): Promise<void> {
  const { epoch, partitions } = options;
  const admin = createKafka(options, TIMINGS).admin();
  await connect(admin, options);
  try {
    const { brokers } = await admin.describeCluster();
    const replicationFactor = Math.min(MOST_REPLICAS, brokers.length);
    const common = {
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'segment.ms': String(SEGMENT_MS),
      'min.insync.replicas': replicationFactor === MOST_REPLICAS ? '2' : '1',
      // A replica that has not got everything must not take over: offsets would be given out twice.
      'unclean.leader.election.enable': 'false',
    };
    await admin.createTopics({
      waitForLeaders: true,
      topics: TOPICS.map((topic) => ({
        topic: topicName(topic, epoch),
        numPartitions: partitions[topic],
        replicationFactor,
        configEntries: Object.entries({ ...common, 'retention.ms': String(RETENTION_MS[topic]) }).map(([name, value]) => ({ name, value })),
      })),
    });
  } finally {
    await admin.disconnect();
  }
}

/** Fails unless the topics of the epoch are there with exactly these numbers of partitions: keys would have moved. */
export async function checkTopics(admin: Admin, epoch: number, partitions: Record<Topic, number>): Promise<void> {
  const present = new Set(await admin.listTopics());
  const names = TOPICS.map((topic) => topicName(topic, epoch));
  const missing = names.filter((name) => !present.has(name));
  if (missing.length > 0)
    throw new LogTopicsError(`the brokers have no topic ${missing.join(', ')}: create the topics of epoch ${epoch} first`);
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  for (const topic of TOPICS) {
    const name = topicName(topic, epoch);
    const count = topics.find((found) => found.name === name)?.partitions.length;
    if (count !== partitions[topic]) {
      throw new LogTopicsError(
        `topic ${name} has ${count} partitions where epoch ${epoch} has ${partitions[topic]}: restore the topic, or begin a new epoch`,
      );
    }
  }
}
