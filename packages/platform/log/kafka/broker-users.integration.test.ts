import { randomBytes } from 'node:crypto';
import type { LogAccess } from '@starling/contracts/services';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { waitFor } from '@starling/testing/wait-for';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../telemetry/index.ts';
import { currentAuthority } from '../../tls/index.ts';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from './acl-terms.ts';
import { type BrokerUser, checkAdministrator, ensureBrokerUsers } from './broker-users.ts';
import type { KafkaConnection } from './client.ts';
import { LogConnectionError } from './errors.ts';
import { topicName } from './names.ts';
import { CredentialsRefused, setScramPasswords } from './scram-credentials.ts';
import { createTestLogs, nameOf, record, type TestLogs, textOf } from './test-logs.ts';

const logger = createLogger({ service: 'test', level: 'fatal' });

function user(name: string, access: LogAccess): BrokerUser {
  return { name, password: randomBytes(32).toString('base64url'), access };
}

const writer = user('writer', { reads: ['users'], writes: ['conversations'] });
const reader = user('reader', { reads: ['conversations'], writes: [], group: 'readers' });

await describeWithOwnBrokers('users of the brokers', { count: 1, secured: true }, (kafka) => {
  let logs: TestLogs;
  let administrator: KafkaConnection;

  beforeAll(async () => {
    logs = await createTestLogs(kafka.brokers);
    if (!kafka.secured) throw new Error('the broker has no secured listener');
    const { brokers, ca, sasl } = kafka.secured;
    administrator = { brokers, tls: { ca }, sasl, clientId: 'set-up', logger };
    await ensureBrokerUsers(administrator, [writer, reader], logs.epoch);
  });
  afterAll(() => logs?.close());

  const open = ({ name, password }: BrokerUser) =>
    logs.open({ ...administrator, clientId: name, sasl: { mechanism: 'scram-sha-512', username: name, password } });

  /** The brokers as a user sees them who keeps to no port. */
  function clientOf({ name, password }: BrokerUser): Kafka {
    const { brokers, tls } = administrator;
    return new Kafka({
      brokers,
      clientId: name,
      ssl: { ca: [currentAuthority(tls?.ca ?? '')] },
      sasl: { mechanism: 'scram-sha-512', username: name, password },
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    });
  }

  async function adminOf(who: BrokerUser) {
    const admin = clientOf(who).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    return admin;
  }

  async function rulesOf({ name }: BrokerUser): Promise<string[]> {
    const { resources } = await logs.admin.describeAcls({
      principal: `User:${name}`,
      resourceType: AclResourceTypes.ANY,
      resourcePatternType: ResourcePatternTypes.ANY,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    });
    return resources
      .flatMap(({ resourceName, acls }) => acls.map(({ operation }) => `${nameOf(AclOperationTypes, operation)} ${resourceName}`))
      .sort();
  }

  it('write and read what they are to, by tail and as a group', async () => {
    const [writing, reading] = [await open(writer), await open(reader)];
    await writing.append('conversations', 0, [record('allowed')]);
    const read: string[] = [];
    const tail = reading.tail({
      topic: 'conversations',
      from: [0, 0],
      onRecords: (_, records) => void read.push(...records.map((each) => `tail ${textOf(each)}`)),
      onHole: (_, hole) => hole.low,
    });
    reading.subscribe({
      topic: 'conversations',
      group: 'readers',
      storedOffset: async () => 0,
      onRecords: async (_, records) => void read.push(...records.map((each) => `group ${textOf(each)}`)),
      onHole: () => {},
    });
    await waitFor(() => read.length >= 2, { deadline: 20_000 });
    expect(read.sort()).toEqual(['group allowed', 'tail allowed']);
    // The tail's group is deleted by its own user.
    await waitFor(async () => (await groups()).some((name) => name.startsWith('chat-reader.')), { deadline: 20_000 });
    await tail.stop();
    expect((await groups()).filter((name) => name.startsWith('chat-reader.'))).toEqual([]);
  });

  async function groups(): Promise<string[]> {
    return (await logs.admin.listGroups()).groups.map(({ groupId }) => groupId);
  }

  it('are refused all else', async () => {
    const [writing, reading] = [await open(writer), await open(reader)];
    const ends = await reading.endOffsets('conversations');
    await expect(reading.append('conversations', 0, [record('forbidden')])).rejects.toThrow(/Not authorized to access topics/);
    await expect(writing.append('users', 0, [record('forbidden')])).rejects.toThrow(/Not authorized to access topics/);
    expect(await reading.endOffsets('conversations')).toEqual(ends);
    for (const who of [writer, reader]) {
      const admin = await adminOf(who);
      const name = topicName('conversations', logs.epoch);
      await expect(admin.createTopics({ topics: [{ topic: 'of-its-own' }] })).rejects.toThrow();
      await expect(admin.deleteTopics({ topics: [name] })).rejects.toThrow(/authoriz/i);
      await expect(admin.createPartitions({ topicPartitions: [{ topic: name, count: 9 }] })).rejects.toThrow(/authoriz/i);
      await expect(setScramPasswords(clientOf(who), [who])).rejects.toThrow(CredentialsRefused);
    }
    expect(await logs.admin.listTopics()).not.toContain('of-its-own');
    await expect(fetchAs(writer, 'conversations', 'chat-writer.own')).rejects.toThrow(/authoriz/i);
    await expect(fetchAs(reader, 'users', 'chat-reader.own')).rejects.toThrow(/authoriz/i);
    await writing.append('conversations', 0, [record('allowed')]);
    await fetchAs(reader, 'conversations', 'chat-reader.own');
    // kafkajs does not say why it found none.
    await expect(fetchAs(reader, 'conversations', 'chat-others.own')).rejects.toThrow('Failed to find group coordinator');
  });

  /** Reads a topic as a member of a group, and rejects with what the brokers say to it. */
  async function fetchAs(who: BrokerUser, topic: 'conversations' | 'users', groupId: string): Promise<void> {
    const consumer = clientOf(who).consumer({ groupId, retry: { retries: 0, restartOnFailure: async () => false } });
    onTestFinished(() => consumer.disconnect());
    const outcome = Promise.withResolvers<void>();
    consumer.on('consumer.crash', ({ payload }) => outcome.reject(payload.error));
    await consumer.connect();
    await consumer.subscribe({ topic: topicName(topic, logs.epoch), fromBeginning: true });
    await consumer.run({ eachMessage: async () => outcome.resolve() });
    await outcome.promise;
  }

  it('have these rules and no others after each set-up, which changes nothing else', async () => {
    const before = await rulesOf(reader);
    const [first] = before;
    const someone = { ...reader, name: 'someone' };
    const rule = {
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topicName('conversations', logs.epoch),
      resourcePatternType: ResourcePatternTypes.LITERAL,
      host: '*',
      operation: AclOperationTypes.WRITE,
      permissionType: AclPermissionTypes.ALLOW,
    };
    await logs.admin.createAcls({ acl: ['User:reader', 'User:someone'].map((principal) => ({ ...rule, principal })) });
    await waitFor(async () => (await rulesOf(reader)).length > before.length);
    await ensureBrokerUsers(administrator, [reader], logs.epoch);
    await waitFor(async () => (await rulesOf(reader)).length === before.length);
    expect(await rulesOf(reader)).toEqual(before);
    expect(first).toBe('DELETE chat-reader.');
    expect(await rulesOf(someone)).toHaveLength(1);
    expect(await rulesOf(writer)).not.toHaveLength(0);
  });

  it('have the password of the last set-up', async () => {
    const changed = { ...writer, password: randomBytes(32).toString('base64url') };
    await ensureBrokerUsers(administrator, [changed], logs.epoch);
    await (await open(changed)).append('conversations', 0, [record('with the new one')]);
    const error = await open(writer).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LogConnectionError);
    expect((error as Error).message).toMatch(/refused user writer: check user name and password$/);
    await ensureBrokerUsers(administrator, [writer], logs.epoch);
  });

  it('are made by an administrator only', async () => {
    const sasl = { mechanism: 'scram-sha-512', username: reader.name, password: reader.password } as const;
    const refusal = `the Kafka brokers ${administrator.brokers} do not let user reader set access rules: name an administrator of the brokers`;
    await expect(ensureBrokerUsers({ ...administrator, sasl }, [reader], logs.epoch)).rejects.toThrow(refusal);
    await expect(checkAdministrator({ ...administrator, sasl })).rejects.toThrow(refusal);
    await checkAdministrator(administrator);
  });
});

await describeWithOwnBrokers('brokers without access rules', { count: 1 }, (kafka) => {
  it('are said to have none', async () => {
    await expect(checkAdministrator({ brokers: kafka.brokers, clientId: 'set-up', logger })).rejects.toThrow(
      `the Kafka brokers ${kafka.brokers} have no access rules: set their authorizer.class.name`,
    );
  });
});
