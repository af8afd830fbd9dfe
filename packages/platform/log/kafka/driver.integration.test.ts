import { describeWithBrokers } from '@starling/testing/brokers';
import { describeEventLog } from '../conformance/suite.ts';
import { createTestLogs } from './test-logs.ts';

await describeWithBrokers('Kafka of a test', (kafka) => {
  describeEventLog('Kafka', async () => {
    const logs = await createTestLogs(kafka.brokers);
    return {
      open: () => logs.open(),
      // The leader gives out offsets as it writes: there is no slow append.
      beginSlowAppend: async () => undefined,
      close: () => logs.close(),
    };
  });
});
