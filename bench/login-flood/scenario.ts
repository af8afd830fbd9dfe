import { availableParallelism, loadavg } from 'node:os';
import { atRate, Latencies } from '../end-to-end/latencies.ts';
import { type Figure, positiveInteger, type Scenario } from '../scenario.ts';
import { logIn, makePeople, type Person, type Site, startSite } from '../site.ts';
import { flood } from './flood.ts';
import type { FloodKind } from './flooder.ts';

/** The last, of which some are answered late only, is left out with --quick. */
const KINDS: readonly FloodKind[] = ['one account', 'many accounts, one address', 'many accounts and addresses'];
const DEVICES = ['known', 'new'] as const;
const GUESSES = 1_000;
const PEOPLE = 20;

/** Whether others can log in while passwords are guessed. */
export const loginFlood: Scenario = {
  name: 'login-flood',
  summary: 'log-ins of other people, calm and while 1,000 wrong passwords after the other are tried: p99 within three times',
  options: {
    rate: { describe: 'log-ins a second of others, half of them at known devices', default: '8' },
    guesses: { describe: 'wrong passwords a second, whatever becomes of those before', default: '250' },
  },
  async run({ quick, options, note }) {
    const [rate, guessRate] = [positiveInteger(options, 'rate'), positiveInteger(options, 'guesses')];
    // One flood each time, and calm between: the speed of a machine that others use too changes by the second.
    const rounds = quick ? 2 : 12;
    const seconds = GUESSES / guessRate;
    const kinds = quick ? KINDS.slice(0, 2) : KINDS;
    const [load = 0] = loadavg();
    if (load > availableParallelism() / 2)
      note(`disturbed: others load this machine (${load.toFixed(1)}), so that floods meet no free core`);
    note('starting Starling');
    const site = await startSite();
    try {
      note(`making ${PEOPLE} accounts`);
      const people = await makePeople(site, PEOPLE);
      const others = { site, people, rate };
      await measure(others, 2, emptyMeasured());
      const calm = emptyMeasured();
      const flooded = new Map(kinds.map((kind) => [kind, emptyMeasured()]));
      for (let round = 0; round < rounds; round++) {
        note(`round ${round + 1} of ${rounds}: calm`);
        await measure(others, seconds, calm);
        for (const [kind, measured] of flooded) {
          const order = { origin: site.proxied, kind, guesses: GUESSES, rate: guessRate, number: round };
          const [answers] = await Promise.all([flood(order), measure(others, seconds, measured)]);
          note(`flood of ${kind}: ${describe(answers)}`);
        }
      }
      return [...flooded].flatMap(([kind, measured]) => compare(kind, measured, calm));
    } finally {
      await site.stop();
    }
  },
};

interface Others {
  site: Site;
  people: Person[];
  rate: number;
}

type Measured = Record<(typeof DEVICES)[number], Latencies>;

function emptyMeasured(): Measured {
  return { known: new Latencies(), new: new Latencies() };
}

/** Log-ins come when they come, whatever becomes of those before. One that is refused never ended. */
async function measure({ site, people, rate }: Others, seconds: number, measured: Measured): Promise<void> {
  const under: Promise<void>[] = [];
  const logInOnce = async (number: number): Promise<void> => {
    const device = number % 2 === 0 ? 'known' : 'new';
    const person = people[number % people.length];
    if (!person) return;
    const begun = performance.now();
    const status = await logIn(site, person, device);
    measured[device].add(status === 201 ? performance.now() - begun : Number.POSITIVE_INFINITY);
  };
  await atRate(rate, seconds, (number) => under.push(logInOnce(number)));
  await Promise.all(under);
}

function describe(answers: Record<string, number>): string {
  return Object.entries(answers)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');
}

function compare(kind: FloodKind, measured: Measured, calm: Measured): Figure[] {
  return DEVICES.flatMap((device) => {
    // From an address of its own each, a guess is like the first log-in of anybody at a new device: nothing tells them apart.
    const alike = kind === 'many accounts and addresses' && device === 'new';
    return [50, 99].map((percent) => ({
      figure: `${kind}: others at ${device} devices, p${percent}`,
      unit: 'ms',
      ours: measured[device].percentile(percent),
      peer: calm[device].percentile(percent),
      peerName: 'calm',
      ...(percent === 99 && !alike ? { goal: { atMost: 3 } } : {}),
    }));
  });
}
