import { availableParallelism } from 'node:os';
import { BenchError, type Figure, positiveInteger, type Scenario } from '../scenario.ts';
import { logIn, makePeople, type Person, type Site, startSite } from '../site.ts';
import { measureHashes } from './hashes.ts';

/** How many hashes identity makes at once (services/identity/parts.ts), by who asks. */
const LANES = { new: Math.max(1, Math.min(2, availableParallelism() - 1)), known: 1 };
type Device = keyof typeof LANES;

/** What logging in costs beside the hash that it cannot do without. */
export const login: Scenario = {
  name: 'login',
  summary: 'POST /v1/sessions on one process, beside as many Argon2id hashes at once and nothing else',
  options: { people: { describe: 'people who log in, one time after the other each', default: '8' } },
  async run({ quick, options, note }) {
    const count = positiveInteger(options, 'people');
    if (count > 40) throw new BenchError('--people must be at most 40: so many log-ins wait for their turn');
    // Short and in turn: the speed of a machine that others use too changes by the second.
    const [rounds, seconds] = quick ? [7, 1] : [25, 2];
    note('starting Starling');
    const site = await startSite();
    try {
      note(`making ${count} accounts`);
      const people = await makePeople(site, count);
      await measureLogIns(site, people, 'new', 1);
      await measureLogIns(site, people, 'known', 1);
      const measured: Record<Device, Pair[]> = { new: [], known: [] };
      for (let round = 0; round < rounds; round++) {
        note(`round ${round + 1} of ${rounds}`);
        for (const device of ['new', 'known'] as const) {
          const ours = await measureLogIns(site, people, device, seconds);
          measured[device].push({ ours, peer: await measureHashes(LANES[device], seconds) });
        }
      }
      return [medianFigure('new', measured.new), medianFigure('known', measured.known)];
    } finally {
      await site.stop();
    }
  },
};

interface Pair {
  ours: number;
  peer: number;
}

async function measureLogIns(site: Site, people: Person[], device: Device, seconds: number): Promise<number> {
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let done = 0;
  async function logInOn(person: Person): Promise<void> {
    while (performance.now() < end) {
      const status = await logIn(site, person, device);
      if (status !== 201) throw new Error(`/v1/sessions was answered ${status}`);
      done++;
    }
  }
  await Promise.all(people.map(logInOn));
  return done / ((performance.now() - begun) / 1000);
}

/** The round whose ratio is the middle one. */
function medianFigure(device: Device, pairs: Pair[]): Figure {
  const sorted = pairs.sort((a, b) => a.ours / a.peer - b.ours / b.peer);
  const { ours, peer } = sorted[Math.floor(sorted.length / 2)] ?? { ours: Number.NaN, peer: Number.NaN };
  const peerName = `Argon2id, ${LANES[device]} at once`;
  return { figure: `log-ins per second, ${device} devices`, unit: '1/s', ours, peer, peerName };
}
