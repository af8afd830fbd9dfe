import { randomInt } from 'node:crypto';
import type { CursorTopic } from '@starling/contracts/log';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../clock/index.ts';
import { createLogger } from '../../telemetry/index.ts';
import type { EventLog, LogRecord, NewRecord } from '../event-log.ts';
import { type KafkaLogOptions, openKafkaLog } from './driver.ts';
import { createTopics } from './topics.ts';

/** Quick enough for a test to wait for, slow enough for a machine with other things to do. */
export const QUICK = { fetch: 50, watch: 200, commit: 200, retry: 100, session: 6_000, heartbeat: 500 };

/** Logs of an epoch of their own on brokers of a test. */
export interface TestLogs {
  epoch: number;
  /** Opens another client, with what the test changes. */
  open(changes?: Partial<KafkaLogOptions>): Promise<EventLog>;
  /** As the set-up of an installation does, at each start. */
  createTopics(): Promise<void>;
  /** The brokers as an operator sees them. */
  kafka: Kafka;
  admin: Admin;
  close(): Promise<void>;
}

export async function createTestLogs(brokers: string[]): Promise<TestLogs> {
  const partitions: Record<CursorTopic, number> = { conversations: 2, receipts: 1, users: 1 };
  const epoch = randomInt(1, 2 ** 31);
  const logger = createLogger({ service: 'test', level: 'fatal' });
  const makeTopics = () => createTopics({ brokers, clientId: 'set-up', logger, epoch, partitions });
  await makeTopics();
  const kafka = new Kafka({ brokers, clientId: 'operator', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const logs: EventLog[] = [];
  return {
    epoch,
    createTopics: makeTopics,
    kafka,
    admin,
    async open({ timings, ...changes } = {}) {
      const log = await openKafkaLog({
        brokers,
        clientId: 'test',
        clock: systemClock,
        logger,
        epoch,
        partitions,
        timings: { ...QUICK, ...timings },
        ...changes,
      });
      logs.push(log);
      return log;
    },
    async close() {
      await Promise.all(logs.map((log) => log.close()));
      await admin.disconnect();
    },
  };
}

export function record(text: string): NewRecord {
  return { key: 'key', headers: { id: text }, value: Buffer.from(text) };
}

export function textOf({ value }: LogRecord): string {
  return Buffer.from(value).toString();
}

/** The member of one of kafkajs's enumerations, which cannot be asked for it, that has this value. */
export function nameOf(enumeration: object, value: number): string | undefined {
  return Object.entries(enumeration).find(([, each]) => each === value)?.[0];
}
