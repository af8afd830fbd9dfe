import { type Figure, positiveInteger, type Scenario } from '../scenario.ts';
import { prepareCases, type Work } from './cases.ts';
import { createIssuers } from './issuers.ts';

/** So many at once, so that no thread waits for another. */
const AT_ONCE = 16;

/** Minting and verifying as services do it, beside jose alone. */
export const tokens: Scenario = {
  name: 'tokens',
  summary: 'verify and mint tokens, per second of CPU, beside jose alone with the same keys and claims',
  options: { tokens: { describe: 'tokens of as many users in each round (at most 9000: so many hop tokens are kept)', default: '3000' } },
  async run({ quick, options, note }) {
    const count = Math.min(9_000, positiveInteger(options, 'tokens'));
    const rounds = quick ? 3 : 15;
    const issuers = await createIssuers();
    const pairs = new Map<string, { ours: number; peer: number }[]>();
    // The first is the warm-up.
    for (let round = 0; round <= rounds; round++) {
      note(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
      for (const { figure, ours, peer, heldBefore } of await prepareCases(issuers, count)) {
        if (heldBefore) await work(ours, count);
        const pair = { ours: await measure(ours, count), peer: await measure(peer, count) };
        if (round > 0) pairs.set(figure, [...(pairs.get(figure) ?? []), pair]);
      }
    }
    return [...pairs].map(([figure, measured]): Figure => {
      const sorted = measured.sort((a, b) => a.ours / a.peer - b.ours / b.peer);
      const { ours, peer } = sorted[Math.floor(sorted.length / 2)] ?? { ours: Number.NaN, peer: Number.NaN };
      return { figure, unit: '1/s', ours, peer, peerName: 'jose' };
    });
  },
};

/** Per second of CPU, of all threads of this process: what one core does, whatever else the machine is busy with. */
async function measure(one: Work, count: number): Promise<number> {
  const before = process.cpuUsage();
  await work(one, count);
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1e6);
}

async function work(one: Work, count: number): Promise<void> {
  let begun = 0;
  async function workOn(): Promise<void> {
    while (begun < count) await one(begun++);
  }
  await Promise.all(Array.from({ length: AT_ONCE }, workOn));
}
