import { availableParallelism } from 'node:os';
import { BenchError, type Figure, positiveInteger, type Scenario, type ScenarioContext } from '../scenario.ts';
import { type Load, measure, type Throughput } from './measure.ts';
import { PEERS, type Peer, STARLING } from './peers.ts';

const BATCHES = [1, 10];

export const fanOut: Scenario = {
  name: 'fan-out',
  summary: 'one room, 256-byte messages, one core: deliveries per second of server CPU, beside other servers',
  options: {
    sockets: { describe: 'sockets in the room', default: '2000' },
    repeat: { describe: 'how often everything is measured; the median counts (with --quick: once)', default: '3' },
    peers: { describe: `which peers, by comma: ${PEERS.map(({ name }) => name).join(',')}`, default: '' },
  },
  async run({ quick, options, note }) {
    if (process.platform !== 'linux') throw new BenchError('fan-out pins processes to cores and reads /proc: it runs on Linux only');
    if (availableParallelism() < 2) throw new BenchError('fan-out needs two cores: one for the server, one for its receivers');
    const peers = choosePeers(options['peers'] ?? '');
    const sockets = positiveInteger(options, 'sockets');
    const repeat = quick ? 1 : positiveInteger(options, 'repeat');
    const time = quick ? { warmUpSeconds: 0.4, seconds: 0.8 } : { warmUpSeconds: 1.5, seconds: 3 };
    const figures: Figure[] = [];
    for (const batch of BATCHES) {
      const compared = peers.filter(({ batchesOnly }) => batch > 1 || !batchesOnly);
      figures.push(...(await compare(compared, { sockets, batch, ...time }, repeat, note)));
    }
    return figures;
  },
};

function choosePeers(list: string): Peer[] {
  const wanted = list === '' ? PEERS.map(({ name }) => name) : list.split(',');
  return wanted.map((name) => {
    const peer = PEERS.find((candidate) => candidate.name.toLowerCase() === name.trim().toLowerCase());
    if (!peer) throw new BenchError(`there is no peer "${name}"; there is: ${PEERS.map((known) => known.name).join(', ')}`);
    return peer;
  });
}

/** Measures all in turn, again and again, so that a change of the machine's speed meets all of them. */
async function compare(peers: Peer[], load: Load, repeat: number, note: ScenarioContext['note']): Promise<Figure[]> {
  const measured = new Map<Peer, Throughput[]>();
  for (let round = 0; round < repeat; round++) {
    for (const peer of [STARLING, ...peers]) {
      const throughput = await measure(peer, load);
      measured.set(peer, [...(measured.get(peer) ?? []), throughput]);
      const { perCpuSecond, perSecond } = throughput;
      note(`${peer.name}, ${load.batch} a flush: ${Math.round(perCpuSecond)} per CPU second, ${Math.round(perSecond)} per second`);
    }
  }
  const middle = (peer: Peer, value: (throughput: Throughput) => number) => median((measured.get(peer) ?? []).map(value));
  return peers.flatMap((peer) => {
    const goal = peer.goals?.[load.batch];
    const cpu = ({ perCpuSecond }: Throughput) => perCpuSecond;
    const wall = ({ perSecond }: Throughput) => perSecond;
    const common = { unit: '1/s', peerName: peer.name };
    return [
      {
        ...common,
        figure: `deliveries per CPU second, ${load.batch} a flush`,
        ours: middle(STARLING, cpu),
        peer: middle(peer, cpu),
        goal: goal === undefined ? undefined : { atLeast: goal },
      },
      {
        ...common,
        figure: `deliveries per second on the clock, ${load.batch} a flush`,
        ours: middle(STARLING, wall),
        peer: middle(peer, wall),
      },
    ];
  });
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
