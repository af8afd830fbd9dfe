import { Kafka, logLevel } from 'kafkajs';
import { atRate, Latencies } from './latencies.ts';

const TOPIC = 'bench.plain';
const DRAIN_MS = 5_000;

/** What kafkajs alone needs for the same messages: produce → acknowledged by the broker, produce → consumed. */
export interface PlainKafka {
  measure(perSecond: number, seconds: number, bytes: number): Promise<{ acknowledged: Latencies; consumed: Latencies }>;
  close(): Promise<void>;
}

/** One producer and one consumer in this process. What waits while a request is in flight goes out together in the next. */
export async function openPlainKafka(brokers: string[]): Promise<PlainKafka> {
  const kafka = new Kafka({ brokers, clientId: 'bench', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  const consumer = kafka.consumer({ groupId: 'bench-plain' });
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC });
  const begun = new Map<string, number>();
  let consumed = new Latencies();
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const now = performance.now();
      for (const { key } of batch.messages) {
        const at = begun.get(String(key));
        if (at !== undefined) consumed.add(now - at);
      }
    },
  });

  return {
    async measure(perSecond, seconds, bytes) {
      const acknowledged = new Latencies();
      consumed = new Latencies();
      const value = Buffer.alloc(bytes, 'x');
      const run = `${Math.random()}`;
      let waiting: string[] = [];
      let sending = false;
      const pump = async (): Promise<void> => {
        if (sending) return;
        sending = true;
        while (waiting.length > 0) {
          const keys = waiting;
          waiting = [];
          await producer.send({ topic: TOPIC, acks: -1, messages: keys.map((key) => ({ key, value, partition: 0 })) });
          const now = performance.now();
          for (const key of keys) acknowledged.add(now - (begun.get(key) ?? now));
        }
        sending = false;
      };
      await atRate(perSecond, seconds, (number) => {
        const key = `${run} ${number}`;
        begun.set(key, performance.now());
        waiting.push(key);
        void pump();
      });
      const until = performance.now() + DRAIN_MS;
      while (consumed.count < perSecond * seconds && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
      return { acknowledged, consumed };
    },
    async close() {
      await consumer.disconnect();
      await producer.disconnect();
    },
  };
}
