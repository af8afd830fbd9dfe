import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeFactHeaders, partitionOf, positionOf } from '@starling/contracts/log';
import type { EventLog, LogRecord } from '@starling/platform/log';
import { insertFacts, OutboxRelay } from '@starling/platform/outbox';
import { Projection } from '@starling/platform/projection';
import { createLogger } from '@starling/platform/telemetry';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createTestLogs, type TestLogs } from '../../packages/platform/log/kafka/test-logs.ts';
import type { JobResult } from './run-job.ts';
import { createTestInstallation, type TestInstallation } from './test-installation.ts';

const logger = createLogger({ service: 'test', level: 'fatal' });
const USER = '0190f3a0-0000-7000-8000-000000000001';

await describeWithOwnBrokers('the Jobs of an upgrade', { count: 1, secured: true }, (brokers) => {
  let logs: TestLogs;
  let admin: TestLogs['admin'];
  beforeAll(async () => {
    logs = await createTestLogs(brokers.brokers);
    ({ admin } = logs);
  }, 60_000);
  afterAll(() => logs.close());
  const install = () => createTestInstallation(brokers);

  const topics = (epoch: number) => ['conversations', 'receipts', 'users'].map((topic) => `chat.${topic}.${epoch}`);
  const present = async (epoch: number) => (await admin.listTopics()).filter((name) => topics(epoch).includes(name));
  async function remove(names: string[]): Promise<void> {
    await admin.deleteTopics({ topics: names });
    await waitFor(async () => !(await admin.listTopics()).some((name) => names.includes(name)));
  }
  async function tablesOf(client: TestInstallation['admin']): Promise<number> {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    return rows[0]?.count ?? 0;
  }

  /** What `identity` has on the log: an outbox, and a projection that settles it. */
  async function startIdentity(installation: TestInstallation, log: EventLog): Promise<{ projection: Projection; stop(): Promise<void> }> {
    const pool = installation.poolOf('identity');
    const relay = new OutboxRelay({ pool, log, topic: 'users', logger });
    const projection = new Projection({ pool, log, topic: 'users', group: 'identity', logger, relay, apply: async () => {} });
    projection.start();
    relay.start();
    let stopped: Promise<unknown> | undefined;
    const stop = async () => {
      stopped ??= Promise.all([relay.stop(), projection.stop()]);
      await stopped;
    };
    onTestFinished(stop);
    return { projection, stop };
  }

  async function state(installation: TestInstallation, id: string): Promise<void> {
    const client = await installation.poolOf('identity').connect();
    await insertFacts(client, [{ id, key: USER, rev: 1, kind: 'user.created', value: {} as never }]);
    client.release();
  }

  async function positionIn(installation: TestInstallation, id: string): Promise<number | null> {
    const { rows } = await installation.admin.query('SELECT position::float8 AS position FROM identity.outbox WHERE id = $1', [id]);
    return rows[0]?.position ?? null;
  }

  async function readAll(log: EventLog, topic: 'conversations' | 'receipts' | 'users'): Promise<LogRecord[]> {
    const ends = await log.endOffsets(topic);
    const records: LogRecord[] = [];
    const tail = log.tail({
      topic,
      from: await log.lowOffsets(topic),
      onRecords: (_, more) => void records.push(...more),
      onHole: (_, { low }) => low,
    });
    onTestFinished(() => tail.stop());
    await waitFor(() => records.length >= ends.reduce((sum, end) => sum + end, 0));
    return records;
  }

  describe('the first one', () => {
    it('makes schemas, roles, topics and users, and changes nothing when it is done again, or twice at once', async () => {
      const installation = await install();
      const { epoch } = installation.config;
      const done: JobResult = {
        result: 'done',
        rulesLevel: 1,
        epoch,
        migrations: {
          identity: expect.stringMatching(/^\d{4}_/),
          user: expect.stringMatching(/^\d{4}_/),
          conversation: expect.stringMatching(/^\d{4}_/),
        },
      };
      expect(await Promise.all([installation.expand(), installation.expand()])).toEqual([done, done]);
      expect(await present(epoch)).toHaveLength(3);
      const log = await installation.logOf('identity');
      expect(await log.append('users', 0, [{ key: 'k', headers: {}, value: Buffer.from('') }])).toEqual([0]);
      await expect(log.append('conversations', 0, [{ key: 'k', headers: {}, value: Buffer.from('') }])).rejects.toThrow(/authorized/);
      expect((await installation.poolOf('identity').query('SELECT FROM projection')).rowCount).toBe(0);
      const tables = await tablesOf(installation.admin);
      expect(await installation.expand({ logExpected: true })).toEqual(done);
      expect(await tablesOf(installation.admin)).toBe(tables);
      expect(await log.endOffsets('users')).toEqual([1, 0]);
    });

    it('keeps the log for as long as is said, also when that is said later', async () => {
      const installation = await install();
      const { epoch } = installation.config;
      const days = async () => {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: topics(epoch).map((name) => ({ type: 2, name })),
        });
        return resources.map(({ configEntries }) => {
          const settings = Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue]));
          return [
            Number(settings['retention.ms']) / 86_400_000,
            settings['message.timestamp.type'],
            settings['unclean.leader.election.enable'],
          ];
        });
      };
      await installation.expand({ retentionDays: 3 });
      const rest = ['LogAppendTime', 'false'];
      expect(await days()).toEqual([3, 1, 3].map((count) => [count, ...rest]));
      await installation.expand({ retentionDays: 30 });
      expect(await days()).toEqual([30, 1, 30].map((count) => [count, ...rest]));
    });
  });

  describe('is refused, and has changed nothing', () => {
    it('data of a version that is more than one newer; one that is one newer leaves what can be read', async () => {
      const installation = await install();
      await installation.expand({}, { version: { major: 1, minor: 5 } });
      await installation.admin.query(`INSERT INTO identity.migration_identity (name, run_on) VALUES ('9999_later', now())`);
      const refused = { result: 'refused', reason: 'SchemaNewer', message: expect.stringContaining('9999_later') };
      // Which the work would make before it came to identity.
      await installation.admin.query('DROP SCHEMA log CASCADE; CREATE SCHEMA log; CREATE TABLE log.data_version (major int, minor int)');
      await installation.admin.query('INSERT INTO log.data_version VALUES (1, 5)');
      expect(await installation.expand({}, { version: { major: 1, minor: 3 } })).toEqual(refused);
      expect((await installation.admin.query(`SELECT FROM pg_tables WHERE schemaname = 'log'`)).rowCount).toBe(1);
      await installation.admin.query('DROP SCHEMA log CASCADE');
      await installation.admin.query(`DELETE FROM identity.migration_identity WHERE name = '9999_later'`);
      await installation.expand({}, { version: { major: 1, minor: 5 } });
      await installation.admin.query(`INSERT INTO identity.migration_identity (name, run_on) VALUES ('9999_later', now())`);
      expect(await installation.expand({}, { version: { major: 0, minor: 9 } })).toEqual(refused);
      expect(await installation.expand({}, { version: { major: 1, minor: 4 } })).toMatchObject({ result: 'done' });
      expect(await installation.expand({}, { version: { major: 1, minor: 5 } })).toMatchObject({ result: 'done' });
    });

    it('data that are more than one minor version older', async () => {
      const installation = await install();
      await installation.expand({}, { version: { major: 1, minor: 5 } });
      for (const version of [
        { major: 1, minor: 7 },
        { major: 2, minor: 1 },
        { major: 3, minor: 0 },
      ])
        expect(await installation.expand({}, { version })).toEqual({
          result: 'refused',
          reason: 'VersionSkipped',
          message: `the data are of version 1.5, and this is ${version.major}.${version.minor}: upgrade by one minor version at a time`,
        });
      for (const version of [
        { major: 1, minor: 6 },
        { major: 2, minor: 0 },
      ])
        expect(await installation.expand({}, { version })).toMatchObject({ result: 'done' });
    });

    it('data of newer rules', async () => {
      const installation = await install();
      await installation.expand();
      expect(await installation.raise(2)).toMatchObject({ result: 'done', rulesLevel: 2 });
      expect(await installation.expand()).toEqual({
        result: 'refused',
        reason: 'RulesLevelHigher',
        message: 'the log follows rules of level 2, and this version knows 1: use a newer version',
      });
    });

    it('a log that has been lost, where it is known or its data show that it has been there', async () => {
      const installation = await install();
      const { epoch } = installation.config;
      await installation.expand();
      const log = await installation.logOf('identity');
      await log.append('users', 0, [
        { key: USER, headers: encodeFactHeaders({ id: 'one', kind: 'user.created' }), value: Buffer.from('{}') },
      ]);
      const { projection, stop } = await startIdentity(installation, log);
      expect(await projection.waitFor(0, 1, 20_000)).toBe(true);
      await stop();
      await remove([`chat.users.${epoch}`]);
      const lost = { result: 'refused', reason: 'LogLost', message: expect.stringContaining(`users of epoch ${epoch}`) };
      expect(await installation.expand({ logExpected: true })).toEqual(lost);
      expect(await installation.expand()).toEqual(lost);
      expect(await present(epoch)).toHaveLength(2);
    });

    it('topics that were made anew, and topics that are another installation’s', async () => {
      const [installation, other] = [await install(), await install()];
      const { epoch } = installation.config;
      await installation.expand();
      const log = await installation.logOf('identity');
      await log.append('users', 0, [
        { key: USER, headers: encodeFactHeaders({ id: 'one', kind: 'user.created' }), value: Buffer.from('{}') },
      ]);
      const foreign = (text: string) => ({ result: 'refused', reason: 'LogForeign', message: expect.stringContaining(text) });
      expect(await other.expand({ epoch })).toEqual(foreign('the database is new'));
      const { projection, stop } = await startIdentity(installation, log);
      expect(await projection.waitFor(0, 1, 20_000)).toBe(true);
      await stop();
      await remove(topics(epoch));
      await admin.createTopics({
        waitForLeaders: true,
        topics: topics(epoch).map((topic) => ({ topic, numPartitions: topic.includes('receipts') ? 1 : 2 })),
      });
      expect(await installation.expand({ logExpected: true })).toEqual(foreign('the data of identity is not of the brokers'));
    });

    it('what the configuration asks that cannot be', async () => {
      const installation = await install();
      const { epoch, partitions, database, kafka } = installation.config;
      const refusal = async (changes: Parameters<typeof installation.expand>[0]) => {
        const result = await installation.expand(changes);
        return result.result === 'refused' ? [result.reason, result.message] : [result.result];
      };
      const wrong = { ...database.administrator, passwordFile: installation.config.rootSecretFile };
      expect(await refusal({ database: { ...database, administrator: wrong, database: 'nowhere' } })).toEqual([
        'Configuration',
        expect.stringMatching(/"nowhere"|refuses the user/),
      ]);
      expect(await refusal({ kafka: { ...kafka, administrator: { ...kafka.administrator, ...wrong } } })).toEqual([
        'Configuration',
        expect.stringMatching(/refused user/),
      ]);
      expect(await tablesOf(installation.admin)).toBe(0);
      await installation.expand();
      expect(await refusal({ partitions: { ...partitions, users: 9 } })).toEqual([
        'Configuration',
        expect.stringMatching(/has 2 partitions of users, not 9/),
      ]);
      expect(await refusal({ epoch: epoch - 1 })).toEqual(['Configuration', `epoch ${epoch - 1} is over: the data are in epoch ${epoch}`]);
    });
  });

  it('waits for a database that does not answer, and fails in the end', async () => {
    const installation = await install();
    const { database } = installation.config;
    expect(await installation.expand({ database: { ...database, port: 1 } })).toEqual({
      result: 'failed',
      message: expect.stringMatching(/^No PostgreSQL server answers/),
    });
  });

  it('enters a new epoch for a log that was lost: services go on there, and send again what nobody may have read', {
    timeout: 60_000,
  }, async () => {
    const installation = await install();
    const { epoch } = installation.config;
    await installation.expand();
    const before = await startIdentity(installation, await installation.logOf('identity'));
    const [first, second] = ['0190f3a0-0000-7000-8000-00000000000a', '0190f3a0-0000-7000-8000-00000000000b'];
    await state(installation, first);
    const partition = partitionOf(USER, 2);
    await waitFor(async () => (await positionIn(installation, first)) !== null, { deadline: 20_000 });
    expect(await positionIn(installation, first)).toBe(positionOf(epoch, 0));

    // With the old service still there, as in a cluster.
    await remove(topics(epoch));
    expect(await installation.expand({ logExpected: true })).toMatchObject({ reason: 'LogLost' });
    expect(await installation.expand({ epoch: epoch + 1 })).toMatchObject({ result: 'done', epoch: epoch + 1 });
    expect(await positionIn(installation, first)).toBeNull();
    await before.stop();

    const log = await installation.logOf('identity', epoch + 1);
    const after = await startIdentity(installation, log);
    await state(installation, second);
    await waitFor(async () => (await positionIn(installation, second)) !== null, { deadline: 20_000 });
    await waitFor(async () => (await positionIn(installation, first)) !== null, { deadline: 20_000 });
    expect((await Promise.all([first, second].map((id) => positionIn(installation, id)))).sort()).toEqual(
      [0, 1].map((offset) => positionOf(epoch + 1, offset)),
    );
    expect(after.projection.halted).toBeUndefined();
    expect(after.projection.nextOffsets[partition]).toBe(2);
    await after.stop();
    // Again, as at the next upgrade: nothing is sent a third time.
    expect(await installation.expand({ epoch: epoch + 1, logExpected: true })).toMatchObject({ result: 'done', epoch: epoch + 1 });
    expect(await positionIn(installation, first)).not.toBeNull();
  });

  describe('the last one', () => {
    it('raises the rules in every partition, once; a reader that does not know them stops there', { timeout: 60_000 }, async () => {
      const installation = await install();
      await installation.expand();
      expect(await installation.raise(1)).toMatchObject({ result: 'done', rulesLevel: 1 });
      const log = await installation.logOf('delivery');
      expect(await Promise.all((['conversations', 'receipts', 'users'] as const).map((topic) => log.endOffsets(topic)))).toEqual([
        [0, 0],
        [0],
        [0, 0],
      ]);
      const { projection } = await startIdentity(installation, await installation.logOf('identity'));
      expect(await installation.raise(2)).toMatchObject({ result: 'done', rulesLevel: 2 });
      expect(await installation.raise(2)).toMatchObject({ result: 'done', rulesLevel: 2 });
      for (const topic of ['conversations', 'receipts', 'users'] as const)
        expect((await readAll(log, topic)).map(({ headers }) => headers)).toEqual(
          log.partitions[topic] === 1 ? [{ kind: 'rules.raised', level: '2' }] : [0, 1].map(() => ({ kind: 'rules.raised', level: '2' })),
        );
      await waitFor(() => projection.halted, { deadline: 20_000 });
      expect(projection.halted).toMatch(/of rules level 2, and this version knows 1$/);
      const { epoch } = installation.config;
      expect(await installation.raise(2, { epoch: epoch + 1 })).toMatchObject({ reason: 'Configuration' });
      // Who reads the next epoch has to know from its beginning.
      expect(await installation.expand({ epoch: epoch + 1 }, { knownRules: 2 })).toMatchObject({ result: 'done', rulesLevel: 2 });
      expect((await readAll(await installation.logOf('delivery', epoch + 1), 'receipts')).map(({ headers }) => headers['level'])).toEqual([
        '2',
      ]);
    });

    it('goes on where it was killed', async () => {
      const installation = await install();
      await installation.expand();
      const log = await installation.logOf('delivery');
      expect(await installation.raise(2)).toMatchObject({ result: 'done' });
      // As if it had died before it took down what it had done.
      await installation.admin.query('DELETE FROM log.rules_level');
      expect(await installation.raise(2)).toMatchObject({ result: 'done', rulesLevel: 2 });
      expect(await log.endOffsets('users')).toEqual([2, 2]);
      expect((await installation.admin.query('SELECT level FROM log.rules_level')).rows).toEqual([{ level: 2 }]);
    });

    it('is for data that were prepared', async () => {
      const installation = await install();
      expect(await installation.raise(2)).toMatchObject({ result: 'refused', reason: 'Configuration' });
    });
  });

  it('tell their result in a file, and by how they end', { timeout: 60_000 }, async () => {
    const installation = await install();
    const run = async (job: string, changes: object) => {
      const config = await installation.write(changes);
      const result = join(dirname(config), 'result');
      const main = fileURLToPath(new URL(`../${job}.ts`, import.meta.url));
      const child = spawn(process.execPath, [main, '--config', config, '--result', result], { stdio: 'ignore' });
      const [code] = await once(child, 'exit');
      return [code, JSON.parse(await readFile(result, 'utf8'))];
    };
    expect(await run('expand', {})).toEqual([0, expect.objectContaining({ result: 'done', rulesLevel: 1 })]);
    expect(await run('raise-rules-level', {})).toEqual([0, expect.objectContaining({ result: 'done', rulesLevel: 1 })]);
    expect(await run('expand', { partitions: { conversations: 5, receipts: 1, users: 2 } })).toEqual([
      1,
      expect.objectContaining({ result: 'refused', reason: 'Configuration' }),
    ]);
    expect(await run('expand', { surplus: 1 })).toEqual([1, expect.objectContaining({ result: 'refused', reason: 'Configuration' })]);
  });
});
