import { encodeFactHeaders, encodePostHeaders, isPost, type PostHeaders, partitionOf } from '@starling/contracts/log';
import type { EventLog } from '@starling/platform/log';
import { createMetrics } from '@starling/platform/metrics';
import type { UserIdentity } from '@starling/platform/tokens';
import { FakeClock } from '@starling/testing/clock';
import { createTestDatabase } from '@starling/testing/database';
import { createTestPlatform } from '@starling/testing/platform';
import { v7 } from 'uuid';
import { Tails } from '../tail/tails.ts';
import { Sender, type SenderOptions } from './sender.ts';

/** The sender of a pod with its tails on a real log, and what it asks of others answered by the test. */
export type TestPod = Awaited<ReturnType<typeof openTestPod>>;

export async function openTestPod() {
  const database = await createTestDatabase();
  const clock = new FakeClock(Date.now());
  const platform = await createTestPlatform({ database, services: {}, clock });
  const { log } = platform;
  /** What the test may change while the pod runs. */
  const answers: Pick<SenderOptions, 'clockIsOff' | 'prepare' | 'allows' | 'findPost'> & { append: EventLog['append'] } = {
    clockIsOff: () => false,
    prepare: async () => {},
    allows: () => true,
    findPost: async () => undefined,
    append: (topic, partition, records) => log.append(topic, partition, records),
  };
  const appended: number[] = [];
  const pods: Tails[] = [];

  async function startPod(name: string): Promise<{ sender: Sender; tails: Tails }> {
    const { logger } = platform.platform('delivery');
    const tails: Tails = new Tails({
      log,
      logger,
      ringBytes: 1024 * 1024,
      listener: {
        onCounted(entry, headers) {
          if (isPost(headers)) sender.onValid(entry.record.key, headers, entry.position, entry.record.at);
        },
        onVoid: (conversation, headers) => sender.onVoid(conversation, headers),
        onBreak() {},
      },
    });
    const measured: EventLog = {
      ...log,
      async append(topic, partition, records) {
        const offsets = await answers.append(topic, partition, records);
        appended.push(...offsets);
        return offsets;
      },
    };
    const sender: Sender = new Sender({
      pod: name,
      log: measured,
      tails,
      clock,
      logger,
      metrics: createMetrics().of('delivery'),
      clockIsOff: () => answers.clockIsOff(),
      prepare: (...asked) => answers.prepare(...asked),
      allows: (...asked) => answers.allows(...asked),
      findPost: (...asked) => answers.findPost(...asked),
    });
    await tails.start();
    pods.push(tails);
    return { sender, tails };
  }

  return {
    ...(await startPod('pod-0')),
    startPod,
    log,
    clock,
    answers,
    /** Offsets of what the sender has appended, of all partitions. */
    appended,
    async appendFact(conversation: string, kind: string, user?: string): Promise<void> {
      const headers = encodeFactHeaders({ id: v7(), kind, ...(user === undefined ? {} : { user }) });
      await log.append('conversations', partitionOf(conversation, 2), [{ key: conversation, headers, value: Buffer.from('{}') }]);
    },
    async appendPost(conversation: string, post: Partial<PostHeaders> & { author: string; client: string; asOf: number }): Promise<number> {
      const headers = encodePostHeaders({ id: v7(), slow: false, attempt: 'elsewhere.1', ...post });
      const [offset = -1] = await log.append('conversations', partitionOf(conversation, 2), [
        { key: conversation, headers, value: Buffer.from('{"body":"hi"}') },
      ]);
      return offset;
    },
    async close(): Promise<void> {
      await Promise.all(pods.map((tails) => tails.stop()));
      await platform.stop();
      await database.drop();
    },
  };
}

export function userOf(user: string): UserIdentity {
  return {
    user,
    session: 's',
    token: 't',
    scope: 'socket',
    origin: undefined,
    issuedAt: 0,
    expiresAt: Number.MAX_SAFE_INTEGER,
    role: 'member',
    tokenId: 'i',
  };
}
