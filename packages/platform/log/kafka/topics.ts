import { CURSOR_TOPICS, type CursorTopic, countPartitions, TOPICS, type Topic } from '@starling/contracts/log';
import type { Admin } from 'kafkajs';
import { createKafka, type KafkaConnection, TIMINGS } from './client.ts';
import { causes, explainConnectFailure, LogTopicsError } from './errors.ts';
import { topicName } from './names.ts';

const DAY_MS = 86_400_000;
const RETENTION_MS: Record<Topic, number> = { conversations: 7 * DAY_MS, receipts: DAY_MS, users: 7 * DAY_MS, ephemeral: 600_000 };
const MOST_REPLICAS = 3;

/** Kinds of what has settings, as Kafka's protocol numbers them. */
const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;

interface ConfigResource {
  type: number;
  name: string;
}

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

/** How long the topics keep records, ms, where it is another time than ours. */
export type Retention = Partial<Record<Topic, number>>;

/**
 * Makes the topics of an epoch, and the one of none, where they are not there yet, and mends for how long they keep
 * records; to be called by whoever sets up an installation, never by a service. On three or more brokers every record
 * lies on three and counts when two have it.
 */
export async function createTopics(
  options: KafkaConnection & { epoch: number; partitions: Record<CursorTopic, number>; retention?: Retention },
): Promise<void> {
  const { epoch } = options;
  const partitions = countPartitions(options.partitions);
  const retention = { ...RETENTION_MS, ...options.retention };
  await asAdministratorOf(options, async (admin) => {
    // Asked for only where it is missing: kafkajs does not wait for a new topic's leaders when another one was there.
    const present = new Set(await admin.listTopics());
    const isMissing = (topic: Topic) => !present.has(topicName(topic, epoch));
    const missing = TOPICS.filter(isMissing);
    const { brokers } = await admin.describeCluster();
    const replicationFactor = Math.min(MOST_REPLICAS, brokers.length);
    const safety = await findSafetySettings(admin, { broker: brokers[0]?.nodeId ?? 0, replicationFactor });
    const settingsOf = (topic: Topic) =>
      Object.entries({
        'cleanup.policy': 'delete',
        'message.timestamp.type': 'LogAppendTime',
        ...safety,
        'retention.ms': String(retention[topic]),
        // Records go by whole segments: the more often a new one begins, the less outlives its time.
        'segment.ms': String(Math.min(DAY_MS, retention[topic]) / 4),
      }).map(([name, value]) => ({ name, value }));
    if (missing.length > 0)
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map((topic) => ({
          topic: topicName(topic, epoch),
          numPartitions: partitions[topic],
          replicationFactor,
          configEntries: settingsOf(topic),
        })),
      });
    for (const topic of TOPICS) {
      const resource = { type: TOPIC_RESOURCE, name: topicName(topic, epoch) };
      if (isMissing(topic) || (await readSetting(admin, resource, 'retention.ms')) === String(retention[topic])) continue;
      await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: settingsOf(topic) }] });
    }
  });
}

/** The topics of the epoch that the brokers have not got. The one of no epoch does not count. Throws a LogConnectionError. */
export function findMissingTopics(options: KafkaConnection & { epoch: number }): Promise<CursorTopic[]> {
  return asAdministratorOf(options, async (admin) => {
    const present = new Set(await admin.listTopics());
    return CURSOR_TOPICS.filter((topic) => !present.has(topicName(topic, options.epoch)));
  });
}

async function asAdministratorOf<T>(options: KafkaConnection, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = createKafka(options, TIMINGS).admin();
  await connect(admin, options);
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/**
 * What keeps a record that was acknowledged, of the settings that these brokers have: Redpanda writes to a majority in
 * any case, has no such settings, and lists none of them. Where the list is not shown, they are Kafka's.
 */
async function findSafetySettings(
  admin: Admin,
  { broker, replicationFactor }: { broker: number; replicationFactor: number },
): Promise<Record<string, string>> {
  const wanted = {
    'min.insync.replicas': replicationFactor === MOST_REPLICAS ? '2' : '1',
    // A replica that has not got everything must not take over: offsets would be given out twice.
    'unclean.leader.election.enable': 'false',
  };
  const shown = await readSettings(admin, { type: BROKER_RESOURCE, name: String(broker) }).catch((error: unknown) => {
    if (causes(error).some(({ type }) => type === 'CLUSTER_AUTHORIZATION_FAILED')) return undefined;
    throw error;
  });
  return shown ? Object.fromEntries(Object.entries(wanted).filter(([name]) => shown.has(name))) : wanted;
}

async function readSetting(admin: Admin, resource: ConfigResource, name: string): Promise<string | null | undefined> {
  return (await readSettings(admin, resource)).get(name);
}

async function readSettings(admin: Admin, resource: ConfigResource): Promise<Map<string, string | null>> {
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
  return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
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
