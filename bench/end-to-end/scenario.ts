import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDatabase } from '@starling/standalone/database';
import { findLauncher, startBrokers } from '@starling/testing/brokers';
import { startStarlingServices } from '@starling/testing/starling';
import { BenchError, type Figure, positiveInteger, type Scenario } from '../scenario.ts';
import { openPlainKafka } from './plain-kafka.ts';
import { openRoom } from './room.ts';

const MESSAGE_BYTES = 256;
const PEER = 'kafkajs';

/** From the sender's click through separate processes, two delivery pods and a real Kafka, beside kafkajs alone. */
export const endToEnd: Scenario = {
  name: 'end-to-end',
  summary: 'click → acknowledged and click → last member, through real Kafka, beside kafkajs alone',
  options: {
    members: { describe: 'members of the group, on two pods', default: '20' },
    rate: { describe: 'messages a second', default: '100' },
  },
  async run({ quick, options, note }) {
    const launcher = await findLauncher();
    if (!launcher) throw new BenchError('this needs a Kafka broker: install Java 17 and Maven, or Docker');
    const [members, rate] = [positiveInteger(options, 'members'), positiveInteger(options, 'rate')];
    const [rounds, seconds] = quick ? [2, 4] : [5, 10];
    const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
    await chmod(folder, 0o711);
    const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
    try {
      note('starting broker, database and services');
      const brokers = await startBrokers(launcher, { count: 1 });
      undo.push(() => brokers.stop());
      const database = await startDatabase({ directory: join(folder, 'data'), say: () => {} });
      undo.push(() => database.stop());
      const services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, delivery: 2 });
      undo.push(() => services.stop());
      const room = await openRoom(services.url, members);
      undo.push(async () => room.close());
      const kafka = await openPlainKafka(brokers.brokers);
      undo.push(() => kafka.close());

      await room.measure(rate, 2, MESSAGE_BYTES);
      await kafka.measure(rate, 2, MESSAGE_BYTES);
      const figures: Figures = { 'click → ack': [], 'click → last member': [] };
      for (let round = 0; round < rounds; round++) {
        note(`round ${round + 1} of ${rounds}`);
        // In turn, so that whatever else the machine does meets both.
        const ours = await room.measure(rate, seconds, MESSAGE_BYTES);
        const peer = await kafka.measure(rate, seconds, MESSAGE_BYTES);
        figures['click → ack'].push({ ours: ours.acknowledged, peer: peer.consumed });
        figures['click → last member'].push({ ours: ours.delivered, peer: peer.consumed });
      }
      return Object.entries(figures).flatMap(([name, pairs]) => [50, 99].map((percent) => medianFigure(name, percent, pairs)));
    } finally {
      for (const step of undo.reverse()) await step();
    }
  },
};

type Pair = { ours: { percentile(percent: number): number }; peer: { percentile(percent: number): number } };
type Figures = Record<'click → ack' | 'click → last member', Pair[]>;

/** The round whose ratio is the middle one. An acknowledgement comes after the read-back, hence beside produce → consume. */
function medianFigure(name: string, percent: number, pairs: Pair[]): Figure {
  const rounds = pairs.map(({ ours, peer }) => ({ ours: ours.percentile(percent), peer: peer.percentile(percent) }));
  rounds.sort((a, b) => a.ours / a.peer - b.ours / b.peer);
  const { ours, peer } = rounds[Math.floor(rounds.length / 2)] ?? { ours: Number.NaN, peer: Number.NaN };
  return {
    figure: `${name}, p${percent}`,
    unit: 'ms',
    ours,
    peer,
    peerName: `${PEER} produce → consume`,
    ...(percent === 99 ? { goal: { atMost: 2 } } : {}),
  };
}
