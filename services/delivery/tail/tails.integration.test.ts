import { randomInt } from 'node:crypto';
import { systemClock } from '@starling/platform/clock';
import { createTopics, openKafkaLog } from '@starling/platform/log/kafka';
import { createLogger } from '@starling/platform/telemetry';
import { describeWithBrokers } from '@starling/testing/brokers';
import { expect, it } from 'vitest';
import { Tails } from './tails.ts';

await describeWithBrokers('the tails on Kafka', (kafka) => {
  it('have joined when they have started, also on an empty log', async () => {
    const logger = createLogger({ service: 'test', level: 'fatal' });
    const options = { brokers: kafka.brokers, clientId: 'test', logger, epoch: randomInt(1, 1024) };
    const partitions = { conversations: 2, receipts: 1, users: 1 };
    await createTopics({ ...options, partitions });
    const log = await openKafkaLog({ ...options, partitions, clock: systemClock });
    const tails = new Tails({ log, logger, ringBytes: 0, listener: { onCounted() {}, onVoid() {}, onBreak() {} } });
    expect(tails.caughtUp).toBe(false);
    await tails.start();
    expect([tails.caughtUp, tails.isCurrent()]).toEqual([true, true]);
    await tails.stop();
    await log.close();
  });
});
