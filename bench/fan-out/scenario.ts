import { availableParallelism } from 'node:os';
import { BenchError, type Figure, positiveInteger, type Scenario, type ScenarioContext } from '../scenario.ts';
import { type Load, measure, type Throughput } from './measure.ts';
import { PEERS, type Peer, STARLING } from './peers.ts';

/** So many messages are published at once. */
const BATCHES = [1, 10];

export const fanOut: Scenario = {
  name: 'fan-out',
  summary: 'one room, 256-byte messages, one core: deliveries per second of server CPU, beside other servers',
  options: {
    sockets: { describe: 'sockets in the room', default: '5000' },
    repeat: { describe: 'how often everything is measured; the median counts (with --quick: once)', default: '3' },
    peers: { describe: `by comma, of ${PEERS.map(({ name }) => name).join(',')} (with --quick: those with goals)`, default: '' },
  },
  async run({ quick, options, note }) {
    if (process.platform !== 'linux') throw new BenchError('fan-out pins processes to cores and reads /proc: it runs on Linux only');
    if (availableParallelism() < 2) throw new BenchError('fan-out needs two cores: one for the server, one for its receivers');
    const peers = choosePeers(options['peers'] ?? '', quick);
    const sockets = positiveInteger(options, 'sockets');
    const repeat = quick ? 1 : positiveInteger(options, 'repeat');
    const load = { sockets, ...(quick ? { warmUpSeconds: 0.4, seconds: 0.7 } : { warmUpSeconds: 1.5, seconds: 3 }) };
    const measured = await measureInTurn([STARLING, ...peers], load, repeat, note);
    return BATCHES.flatMap((batch) => peers.flatMap((peer) => compare(measured, peer, batch)));
  },
};

function choosePeers(list: string, quick: boolean): readonly Peer[] {
  if (list === '') return quick ? PEERS.filter(({ goals }) => goals) : PEERS;
  return list.split(',').map((name) => {
    const peer = PEERS.find((candidate) => candidate.name.toLowerCase() === name.trim().toLowerCase());
    if (!peer) throw new BenchError(`there is no peer "${name}"; there is: ${PEERS.map((known) => known.name).join(', ')}`);
    return peer;
  });
}

/** What was measured of each peer, by messages a flush. */
type Measured = Map<Peer, Map<number, Throughput[]>>;

/** Measures all in turn, again and again, so that a change of the machine's speed meets all of them. */
async function measureInTurn(peers: Peer[], load: Load, repeat: number, note: ScenarioContext['note']): Promise<Measured> {
  const measured: Measured = new Map(peers.map((peer) => [peer, new Map(BATCHES.map((batch) => [batch, []]))]));
  for (let round = 0; round < repeat; round++) {
    for (const peer of peers) {
      const batches = BATCHES.filter((batch) => batch > 1 || !peer.batchesOnly);
      const throughputs = await measure(peer, load, batches);
      for (const [index, batch] of batches.entries()) {
        const throughput = throughputs[index] as Throughput;
        measured.get(peer)?.get(batch)?.push(throughput);
        note(`${peer.name}, ${batch} a flush: ${describe(throughput)}`);
      }
    }
  }
  return measured;
}

/** Seconds for which a server's threads may wait for its core, per second, before it is said. */
const UNDISTURBED = 0.05;

function describe({ perCpuSecond, perSecond, waited }: Throughput): string {
  const disturbed = waited > UNDISTURBED ? `; disturbed: waited ${waited.toFixed(2)} s a second for its core` : '';
  return `${Math.round(perCpuSecond)} per CPU second, ${Math.round(perSecond)} per second${disturbed}`;
}

function compare(measured: Measured, peer: Peer, batch: number): Figure[] {
  const [ours, theirs] = [STARLING, peer].map((one) => measured.get(one)?.get(batch) ?? []);
  if (!ours || !theirs || theirs.length === 0) return [];
  const beside = (figure: string, value: (throughput: Throughput) => number): Figure => ({
    figure: `${figure}, ${batch} a flush`,
    unit: '1/s',
    ours: median(ours.map(value)),
    peer: median(theirs.map(value)),
    peerName: peer.name,
  });
  const goal = peer.goals?.[batch];
  return [
    {
      ...beside('deliveries per CPU second', ({ perCpuSecond }) => perCpuSecond),
      goal: goal === undefined ? undefined : { atLeast: goal },
    },
    beside('deliveries per second on the clock', ({ perSecond }) => perSecond),
  ];
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
