import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TOPICS } from '@starling/contracts/log';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { FakeClock } from '@starling/testing/clock';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EventLog, Hole, LogRecord } from '../event-log.ts';
import { topicName } from './names.ts';
import { createTestLogs, record, type TestLogs, textOf } from './test-logs.ts';

const SLOW = { deadline: 40_000 };
const TOPIC = 'conversations';

function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, offset) => offset);
}

/** Tails partition 0 from the beginning. */
function collect(log: EventLog, from = 0) {
  const read: LogRecord[] = [];
  const holes: Hole[] = [];
  const tail = log.tail({
    topic: TOPIC,
    from: [from, 0],
    onRecords: (partition, records) => void (partition === 0 && read.push(...records)),
    onHole(_, hole) {
      holes.push(hole);
      return hole.low;
    },
  });
  return { read, holes, tail };
}

/** Appends one record after another to partition 0, by some writers at once, until it is told to stop. */
function keepAppending(log: EventLog, writers: number) {
  const written = new Map<string, number>();
  const unknown: string[] = [];
  let stopping = false;
  const running = Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let count = 0; !stopping; count++) {
        const text = `${writer}.${count}`;
        await log.append(TOPIC, 0, [record(text)]).then(
          ([offset]) => written.set(text, offset ?? -1),
          () => unknown.push(text),
        );
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }),
  );
  return {
    written,
    unknown,
    async stop() {
      stopping = true;
      await running;
    },
  };
}

/** Every append reported as written has an offset of its own, which holds its record; nothing is there twice. */
async function expectHonest(log: EventLog, { written }: { written: Map<string, number> }): Promise<void> {
  const { read } = collect(log);
  const [end] = (await log.endOffsets(TOPIC)) as [number];
  await waitFor(() => read.length >= end, SLOW);
  const texts = read.map(textOf);
  expect(new Set(texts).size).toBe(texts.length);
  expect(new Set(written.values()).size).toBe(written.size);
  expect([...written].filter(([text, offset]) => texts[offset] !== text)).toEqual([]);
}

await describeWithOwnBrokers('the log on Kafka, when things go wrong', { count: 1 }, (kafka) => {
  let logs: TestLogs;
  beforeEach(async () => {
    logs = await createTestLogs(kafka.brokers);
  });
  afterEach(() => logs.close());

  it('reports only what is written as written while the broker stands still for longer than requests wait', async () => {
    const log = await logs.open({ timings: { request: 1_000 } });
    const appending = keepAppending(log, 8);
    await waitFor(() => appending.written.size > 50);
    await kafka.pause(0);
    const paused = performance.now();
    await waitFor(() => appending.unknown.length >= 8 && performance.now() - paused > 3_000, SLOW);
    await kafka.resume(0);
    const before = appending.written.size;
    await waitFor(() => appending.written.size > before + 50, SLOW);
    await appending.stop();
    await expectHonest(log, appending);
  });

  it('goes on where it was after the process stood still, was taken for dead and its group deleted', async () => {
    const log = await logs.open();
    const lines: { offset?: number; caughtUp?: boolean; hole?: Hole; msg?: string }[] = [];
    const parameters = JSON.stringify({ brokers: kafka.brokers, epoch: logs.epoch, session: 1_500 });
    const child = spawn(process.execPath, [fileURLToPath(new URL('./test-tail-process.ts', import.meta.url)), parameters], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)));
      const offsets = () => lines.flatMap(({ offset }) => (offset === undefined ? [] : [offset]));
      await log.append(TOPIC, 0, [record('a'), record('b')]);
      await waitFor(() => offsets().length === 2 && lines.some(({ caughtUp }) => caughtUp), SLOW);
      child.kill('SIGSTOP');
      const { groups } = await logs.admin.listGroups();
      const names = groups.map(({ groupId }) => groupId).filter((name) => name.startsWith(`chat-test.stopped.${TOPIC}.${logs.epoch}`));
      await waitFor(async () => (await logs.admin.describeGroups(names)).groups.every(({ state }) => state === 'Empty'), SLOW);
      await logs.admin.deleteGroups(names);
      await log.append(
        TOPIC,
        0,
        upTo(300).map((index) => record(String(index))),
      );
      const before = lines.length;
      child.kill('SIGCONT');
      await waitFor(() => offsets().length >= 302, SLOW);
      await log.append(TOPIC, 0, [record('c')]);
      await waitFor(() => offsets().length >= 303 && lines.findLast(({ caughtUp }) => caughtUp !== undefined)?.caughtUp, SLOW);
      expect(offsets()).toEqual(upTo(303));
      // It knew that it may be behind before it read on, and sought its place without meeting a hole first.
      const since = lines.slice(before);
      expect(since.find(({ caughtUp, offset }) => caughtUp !== undefined || offset !== undefined)).toEqual({ caughtUp: false });
      expect(lines.flatMap(({ hole, msg }) => hole ?? msg?.match(/read back/)?.[0] ?? [])).toEqual([]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('loses and repeats nothing over a restart of broker and coordinator, for tails, and nothing for groups', async () => {
    const log = await logs.open({ timings: { request: 2_000, session: 1_500 } });
    const { read, holes, tail } = collect(log);
    const stored = [0, 0];
    const done: string[] = [];
    log.subscribe({
      topic: TOPIC,
      group: 'restart',
      storedOffset: async (partition) => stored[partition] ?? 0,
      async onRecords(partition, records) {
        const fresh = records.filter(({ past }) => !past);
        if (fresh.length > 0 && fresh[0]?.offset !== stored[partition]) throw new Error('these are not the next records');
        stored[partition] = (records.at(-1)?.offset ?? -1) + 1;
        if (partition === 0) done.push(...fresh.map(textOf));
      },
      onHole: (_, hole) => holes.push(hole),
    });
    const appending = keepAppending(log, 4);
    await waitFor(() => read.length > 50 && done.length > 50, SLOW);
    await kafka.restart(0);
    const before = appending.written.size;
    await waitFor(() => appending.written.size > before + 50, SLOW);
    await appending.stop();
    const [end] = (await log.endOffsets(TOPIC)) as [number];
    await waitFor(() => read.length >= end && done.length >= end, SLOW);
    expect(read.map(({ offset }) => offset)).toEqual(upTo(end));
    expect(done).toEqual(read.map(textOf));
    expect(holes).toEqual([]);
    await waitFor(() => tail.caughtUp(), SLOW);
    await expectHonest(log, appending);
  });

  async function removeBefore(offset: number): Promise<void> {
    const topic = topicName(TOPIC, logs.epoch);
    // Loads the topic's metadata, which the removal takes for granted.
    await logs.admin.fetchTopicOffsets(topic);
    await logs.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  }

  it('tells a tail that its next records were removed, at its start and while it reads', async () => {
    const log = await logs.open();
    await log.append(TOPIC, 0, [record('a'), record('b'), record('c')]);
    await removeBefore(2);
    const release = Promise.withResolvers<void>();
    const read: number[] = [];
    const holes: Hole[] = [];
    log.tail({
      topic: TOPIC,
      from: [0, 0],
      async onRecords(_, records) {
        read.push(...records.map(({ offset }) => offset));
        if (read.length === 1) await release.promise;
      },
      onHole(_, hole) {
        holes.push(hole);
        return hole.low;
      },
    });
    await waitFor(() => read.length === 1);
    await log.append(TOPIC, 0, [record('d'), record('e'), record('f')]);
    await removeBefore(5);
    release.resolve();
    await waitFor(() => read.length === 2, SLOW);
    expect(read).toEqual([2, 5]);
    expect(holes).toEqual([
      { is: 'gone', expected: 0, low: 2, end: 3 },
      { is: 'gone', expected: 3, low: 5, end: 6 },
    ]);
    expect(await log.lowOffsets(TOPIC)).toEqual([5, 0]);
  });

  it('passes strange records through, and tells of offsets at which nothing stands', async () => {
    const log = await logs.open();
    const { read, holes } = collect(log);
    const topic = topicName(TOPIC, logs.epoch);
    const producer = logs.kafka.producer({ transactionalId: `stranger ${logs.epoch}`, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const transaction = await producer.transaction();
    const headers = { twice: ['first', 'second'], toString: 'text', bytes: Buffer.from([0xff, 0x41]) };
    await transaction.send({ topic, messages: [{ partition: 0, key: null, value: null, headers }] });
    await transaction.commit();
    await producer.disconnect();
    // The transaction's end takes an offset, and is no record.
    await waitFor(async () => (await log.endOffsets(TOPIC))[0] === 2);
    await log.append(TOPIC, 0, [record('after')]);
    await waitFor(() => read.length === 2, SLOW);
    expect({ ...read[0], value: textOf(read[0] as LogRecord), at: 0 }).toEqual({
      topic: TOPIC,
      partition: 0,
      offset: 0,
      key: '',
      value: '',
      at: 0,
      headers: { twice: 'first', toString: 'text', bytes: '\ufffdA' },
    });
    expect(read.map(({ offset }) => offset)).toEqual([0, 2]);
    expect(holes).toEqual([{ is: 'gone', expected: 1, low: 2, end: 3 }]);
  });

  it('refuses topics that are not there, or have other partitions than the epoch', async () => {
    await expect(logs.open({ epoch: 7 })).rejects.toThrow(
      'the brokers have no topic chat.conversations.7, chat.receipts.7, chat.users.7: create the topics of epoch 7 first',
    );
    await logs.admin.createPartitions({ topicPartitions: [{ topic: topicName('users', logs.epoch), count: 3 }] });
    await waitFor(
      async () => (await logs.admin.fetchTopicMetadata({ topics: [topicName('users', logs.epoch)] })).topics[0]?.partitions.length === 3,
    );
    await expect(logs.open()).rejects.toThrow(`topic chat.users.${logs.epoch} has 3 partitions where epoch ${logs.epoch} has 1`);
  });

  it("goes on with the epoch's partitions when others are added, also after a standstill", async () => {
    const clock = new FakeClock(0);
    const log = await logs.open({ clock });
    const { tail, read } = collect(log);
    await waitFor(() => tail.caughtUp());
    const name = topicName(TOPIC, logs.epoch);
    await logs.admin.createPartitions({ topicPartitions: [{ topic: name, count: 3 }] });
    await waitFor(async () => (await logs.admin.fetchTopicMetadata({ topics: [name] })).topics[0]?.partitions.length === 3);
    clock.advance(2_001);
    await log.append(TOPIC, 0, [record('after')]);
    await waitFor(() => tail.caughtUp() && read.length === 1);
    expect(await log.endOffsets(TOPIC)).toHaveLength(2);
  });

  it('makes topics that keep records for their time, and stamp them themselves', async () => {
    const settings = await Promise.all(
      TOPICS.map(async (topic) => {
        const { resources } = await logs.admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: 2, name: topicName(topic, logs.epoch) }],
        });
        const entries = Object.fromEntries(
          resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ?? [],
        );
        return [entries['cleanup.policy'], entries['message.timestamp.type'], Number(entries['retention.ms']) / 60_000];
      }),
    );
    expect(settings).toEqual([
      ['delete', 'LogAppendTime', 7 * 24 * 60],
      ['delete', 'LogAppendTime', 24 * 60],
      ['delete', 'LogAppendTime', 7 * 24 * 60],
      ['delete', 'LogAppendTime', 10],
    ]);
  });

  it('makes the topic that an older installation has not got, and leaves the others as they are', async () => {
    const log = await logs.open();
    await log.append(TOPIC, 0, [record('before')]);
    await logs.admin.deleteTopics({ topics: [topicName('ephemeral', logs.epoch)] });
    await waitFor(async () => !(await logs.admin.listTopics()).includes('chat.ephemeral'));
    await expect(logs.open()).rejects.toThrow('the brokers have no topic chat.ephemeral');
    await logs.createTopics();
    const again = await logs.open();
    expect(await again.append('ephemeral', 0, [record('now')])).toEqual([0]);
    expect(await again.endOffsets(TOPIC)).toEqual([1, 0]);
  });

  it('does not count as caught up after the process stood still, until it has read to the ends of then', async () => {
    const clock = new FakeClock(0);
    const log = await logs.open({ clock });
    const { tail, read } = collect(log);
    await waitFor(() => tail.caughtUp());
    clock.advance(2_001);
    await log.append(TOPIC, 0, [record('meanwhile')]);
    expect(tail.caughtUp() && read.length === 0).toBe(false);
    clock.advance(2_001);
    expect(tail.caughtUp()).toBe(false);
    await waitFor(() => tail.caughtUp());
    expect(read.map(textOf)).toEqual(['meanwhile']);
  });

  it('hands partitions over between the members of a group, without loss, and tells the brokers how far it is', async () => {
    const first = await logs.open();
    const second = await logs.open();
    const stored = [0, 0];
    const done: string[] = [];
    const members = new Set<string>();
    const join = (log: EventLog, name: string) =>
      log.subscribe({
        topic: TOPIC,
        group: 'shared',
        storedOffset: async (partition) => stored[partition] ?? 0,
        async onRecords(partition, records) {
          const fresh = records.filter(({ past }) => !past);
          if (fresh.length === 0) return;
          if (fresh[0]?.offset !== stored[partition]) throw new Error('another member was here');
          stored[partition] = (fresh.at(-1)?.offset ?? 0) + 1;
          members.add(name);
          done.push(...fresh.map(textOf));
        },
        onHole: () => {},
      });
    const expected: string[] = [];
    const append = async () => {
      const text = `${expected.length}`;
      await first.append(TOPIC, expected.length % 2, [record(text)]);
      expected.push(text);
    };
    const staying = join(first, 'first');
    await append();
    await waitFor(() => done.length === 1, SLOW);
    expect([...staying.assigned()].sort()).toEqual([0, 1]);
    const leaving = join(second, 'second');
    await waitFor(async () => {
      await append();
      return members.size === 2;
    }, SLOW);
    await waitFor(() => [...staying.assigned(), ...leaving.assigned()].sort().join() === '0,1', SLOW);
    await leaving.stop();
    // What the first had held before comes back to it, from where the second has got to.
    for (const _ of upTo(10)) await append();
    await waitFor(() => done.length === expected.length, SLOW);
    expect(done.map(Number).sort((a, b) => a - b)).toEqual(upTo(expected.length));
    const groupId = `chat-shared.${TOPIC}.${logs.epoch}`;
    await waitFor(async () => {
      const [offsets] = await logs.admin.fetchOffsets({ groupId, topics: [topicName(TOPIC, logs.epoch)] });
      return offsets?.partitions.every(({ partition, offset }) => Number(offset) === stored[partition]);
    }, SLOW);
  });

  it('leaves no group behind when a tail is stopped', async () => {
    const log = await logs.open({ pod: 'cleanly' });
    const { tail } = collect(log);
    const present = async () =>
      (await logs.admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith('chat-test.cleanly.')).length;
    await waitFor(async () => (await present()) === 1);
    await tail.stop();
    expect(await present()).toBe(0);
  });

  it('divides what waits into requests that a broker takes, also when the headers are most of it', async () => {
    const log = await logs.open();
    const headers = { id: 'x'.repeat(1_000) };
    const offsets = await Promise.all(upTo(2_500).map(() => log.append(TOPIC, 0, [{ key: 'key', headers, value: Buffer.from('small') }])));
    expect(offsets.flat()).toEqual(upTo(2_500));
  });

  it('does not warn of negative times', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listen);
    const log = await logs.open();
    await Promise.all(upTo(50).map((index) => log.append(TOPIC, index % 2, [record(String(index))])));
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });
});

await describeWithOwnBrokers('the log on three Kafka brokers', { count: 3 }, (kafka) => {
  it('loses nothing that was reported as written when a leader dies', async () => {
    const logs = await createTestLogs(kafka.brokers);
    const log = await logs.open({ timings: { request: 3_000 } });
    const topic = topicName(TOPIC, logs.epoch);
    const leaderOf = async () => {
      const { topics } = await logs.admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions.find(({ partitionId }) => partitionId === 0);
    };
    const { read } = collect(log);
    const appending = keepAppending(log, 4);
    await waitFor(() => read.length > 50, SLOW);
    const { leader, replicas } = (await leaderOf()) ?? {};
    expect(replicas).toHaveLength(3);
    await kafka.kill((leader ?? 0) - 1);
    const before = appending.written.size;
    await waitFor(() => appending.written.size > before + 50, SLOW);
    await appending.stop();
    const [end] = (await log.endOffsets(TOPIC)) as [number];
    await waitFor(() => read.length >= end, SLOW);
    expect(read.map(({ offset }) => offset)).toEqual(upTo(end));
    await expectHonest(log, appending);
    await logs.close();
  }, 120_000);
});
