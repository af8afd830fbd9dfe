import { systemClock } from '../../clock/index.ts';
import { createLogger } from '../../telemetry/index.ts';
import { openKafkaLog } from './driver.ts';
import { QUICK } from './test-logs.ts';

/**
 * A process that tails partition 0 of `conversations`, for a test to stop and continue. Writes a JSON line for each
 * record's offset, for each change of `caughtUp`, and for each log entry.
 */
const { brokers, epoch, session } = JSON.parse(process.argv[2] ?? '') as { brokers: string[]; epoch: number; session: number };
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const log = await openKafkaLog({
  brokers,
  clientId: 'test',
  pod: 'stopped',
  clock: systemClock,
  logger: createLogger({ service: 'test', level: 'warn', destination: process.stdout }),
  epoch,
  partitions: { conversations: 2, receipts: 1, users: 1 },
  timings: { ...QUICK, session },
});
const tail = log.tail({
  topic: 'conversations',
  from: [0, 0],
  onRecords: (partition, records) => void (partition === 0 && records.map(({ offset }) => say({ offset }))),
  onHole(_, hole) {
    say({ hole });
    return hole.low;
  },
});
let caughtUp = false;
setInterval(() => {
  if (tail.caughtUp() === caughtUp) return;
  caughtUp = !caughtUp;
  say({ caughtUp });
}, 5);
