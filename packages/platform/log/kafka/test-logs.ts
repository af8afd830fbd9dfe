import { randomInt } from 'node:crypto';
import type { Topic } from '@starling/contracts/log';
import { systemClock } from '../../clock/index.ts';
import { createLogger } from '../../telemetry/index.ts';
import type { EventLog } from '../event-log.ts';
import { type KafkaLogOptions, openKafkaLog } from './driver.ts';
import { createTopics } from './topics.ts';

const QUICK = { fetch: 50, watch: 200, retry: 100, session: 6_000, heartbeat: 500 };

/** Logs of an epoch of their own on brokers of a test. */
export interface TestLogs {
  epoch: number;
  partitions: Record<Topic, number>;
  /** As every client of this epoch is opened, but for what the test gives. */
  open(changes?: Partial<KafkaLogOptions>): Promise<EventLog>;
  close(): Promise<void>;
}

export async function createTestLogs(brokers: string[], partitions: Record<Topic, number> = { conversations: 2, receipts: 1, users: 1 }): Promise<TestLogs> {
  const epoch = randomInt(1, 2 ** 31);
  const logger = createLogger({ service: 'test', level: process.env['KLOG'] ?? 'fatal' });
  await createTopics({ brokers, clientId: 'set-up', logger, epoch, partitions });
  const logs: EventLog[] = [];
  return {
    epoch,
    partitions,
    async open({ timings, ...changes } = {}) {
      const log = await openKafkaLog({ brokers, clientId: 'test', clock: systemClock, logger, epoch, partitions, timings: { ...QUICK, ...timings }, ...changes });
      logs.push(log);
      return log;
    },
    async close() {
      await Promise.all(logs.map((log) => log.close()));
    },
  };
}
