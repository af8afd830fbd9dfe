import { atRate, Latencies } from '../end-to-end/latencies.ts';
import { type Figure, positiveInteger, type Scenario } from '../scenario.ts';
import { logIn, makePeople, type Person, type Site, startSite } from '../site.ts';
import { startFlood } from './flood.ts';
import type { FloodKind } from './flooder.ts';

const KINDS: readonly FloodKind[] = ['one account', 'many accounts, one address', 'many accounts and addresses'];
const DEVICES = ['known', 'new'] as const;
const GUESSES = 1_000;
const PEOPLE = 20;

/** Whether others can log in while passwords are guessed. */
export const loginFlood: Scenario = {
  name: 'login-flood',
  summary: 'log-ins of other people, calm and while 1,000 wrong passwords after the other are tried: p99 within three times',
  options: {
    rate: { describe: 'log-ins a second of others, half of them at known devices', default: '6' },
    'at-once': { describe: 'guesses that wait for an answer at one time', default: '40' },
  },
  async run({ quick, options, note }) {
    const [rate, atOnce] = [positiveInteger(options, 'rate'), positiveInteger(options, 'at-once')];
    const [rounds, seconds] = quick ? [1, 7] : [4, 15];
    note('starting Starling');
    const site = await startSite();
    try {
      note(`making ${PEOPLE} accounts`);
      const people = await makePeople(site, PEOPLE);
      const others = { site, people, rate };
      await measure(others, 2, emptyMeasured());
      const calm = emptyMeasured();
      const flooded = new Map(KINDS.map((kind) => [kind, emptyMeasured()]));
      for (let round = 0; round < rounds; round++) {
        note(`round ${round + 1} of ${rounds}: calm`);
        await measure(others, seconds, calm);
        for (const [kind, measured] of flooded) {
          const flood = startFlood({ origin: site.proxied, kind, guesses: GUESSES, atOnce });
          await measure(others, seconds, measured);
          note(`flood of ${kind}: ${describe(await flood.stop())}`);
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
  return DEVICES.flatMap((device) =>
    [50, 99].map((percent) => ({
      figure: `${kind}: others at ${device} devices, p${percent}`,
      unit: 'ms',
      ours: measured[device].percentile(percent),
      peer: calm[device].percentile(percent),
      peerName: 'calm',
      ...(percent === 99 ? { goal: { atMost: 3 } } : {}),
    })),
  );
}
