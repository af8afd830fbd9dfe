import { v7 } from 'uuid';
import { Latencies } from '../end-to-end/latencies.ts';
import { type Figure, positiveInteger, type Scenario } from '../scenario.ts';
import { addressOf, fromAddress, makePeople, post, type Site, startSite } from '../site.ts';

/** So many emails with an account, and as many without: each account is mailed at most five links a day. */
const EMAILS = 20;
const WARM_UP = 40;
const CLOSE = { atMost: 1.1 };

/** Whether the time of an answer tells who has an account. */
export const reset: Scenario = {
  name: 'reset',
  summary: 'POST /v1/password-reset for emails with and without an account: medians within a tenth',
  options: { calls: { describe: 'calls for each of the two', default: '200' } },
  async run({ quick, options, note }) {
    const calls = positiveInteger(options, 'calls');
    const rounds = quick ? 1 : 5;
    note('starting Starling');
    const site = await startSite();
    try {
      note(`making ${EMAILS} accounts`);
      const existing = (await makePeople(site, EMAILS)).map(({ email }) => email);
      const absent = existing.map(() => `${v7()}@example.org`);
      await measure(site, existing, absent, WARM_UP);
      const measured: Measured = { existing: new Latencies(), absent: new Latencies() };
      for (let round = 0; round < rounds; round++) {
        note(`round ${round + 1} of ${rounds}`);
        await measure(site, existing, absent, calls, measured);
      }
      return compare(measured);
    } finally {
      await site.stop();
    }
  },
};

interface Measured {
  existing: Latencies;
  absent: Latencies;
}

let visitors = 0;

/** One call at a time; which of a pair comes first is drawn, so that nothing periodic meets one kind alone. */
async function measure(site: Site, existing: string[], absent: string[], calls: number, measured?: Measured): Promise<void> {
  for (let index = 0; index < calls; index++) {
    const kinds: (keyof Measured)[] = Math.random() < 0.5 ? ['existing', 'absent'] : ['absent', 'existing'];
    for (const kind of kinds) {
      const email = (kind === 'existing' ? existing : absent)[index % EMAILS] ?? '';
      // Everybody from an address of their own: one address may ask 30 times.
      const headers = fromAddress(addressOf(1, visitors++));
      const begun = performance.now();
      const { status } = await post(`${site.proxied}/v1/password-reset`, { email }, headers);
      measured?.[kind].add(performance.now() - begun);
      if (status !== 202) throw new Error(`/v1/password-reset was answered ${status}`);
    }
  }
}

/** Each beside the other, so that the slower of them is beside the faster in one of the two. */
function compare({ existing, absent }: Measured): Figure[] {
  const [ours, peer] = [existing, absent].map((one) => one.percentile(50)) as [number, number];
  return [
    { figure: 'account exists, median', unit: 'ms', ours, peer, peerName: 'account absent', goal: CLOSE },
    { figure: 'account absent, median', unit: 'ms', ours: peer, peer: ours, peerName: 'account exists', goal: CLOSE },
  ];
}
