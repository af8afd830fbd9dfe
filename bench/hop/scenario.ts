import { Latencies } from '../end-to-end/latencies.ts';
import { type Figure, positiveInteger, type Scenario } from '../scenario.ts';
import { createIssuers, type Issuers, mintHolders } from '../tokens/issuers.ts';
import { openHttpHop } from './http-hop.ts';
import { type Hop, openRpcHop } from './rpc-hop.ts';

/** So many users call in turn, with tokens that are used again as long as they may be. */
const USERS = 50;
const WARM_UP = 500;

/** What tokens, and all else that we put around a call, add to it. */
export const hop: Scenario = {
  name: 'hop',
  summary: 'one call from service to service with tokens, beside the same call without: RPC by connect, HTTP by undici',
  options: { calls: { describe: 'calls of each kind, one at a time (with --quick: a tenth)', default: '20000' } },
  async run({ quick, options, note }) {
    const calls = Math.ceil(positiveInteger(options, 'calls') / (quick ? 10 : 1));
    const issuers = await createIssuers();
    const figures: Figure[] = [];
    for (const [name, peerName, open] of [
      ['RPC', 'connect', openRpcHop],
      ['HTTP', 'undici', openHttpHop],
    ] as const) {
      note(`${name}: ${calls} calls of each kind`);
      const opened = await open(issuers);
      try {
        await measure(opened, issuers, WARM_UP);
        figures.push(...compare(name, peerName, await measure(opened, issuers, calls)));
      } finally {
        await opened.close();
      }
    }
    return figures;
  },
};

type Kind = 'first' | 'again' | 'plain';
type Measured = Record<Kind, Latencies>;

/** `first`: with a user token that neither side has seen. All kinds in turn, so that whatever else the machine does meets all. */
async function measure(opened: Hop, issuers: Issuers, calls: number): Promise<Measured> {
  const [users, strangers] = [await mintHolders(issuers, USERS), await mintHolders(issuers, calls)];
  for (const user of users) await opened.ours(user);
  const measured: Measured = { first: new Latencies(), again: new Latencies(), plain: new Latencies() };
  const time = async (kind: Kind, call: () => Promise<unknown>) => {
    const begun = performance.now();
    await call();
    measured[kind].add(performance.now() - begun);
  };
  for (const [index, stranger] of strangers.entries()) {
    const user = users[index % USERS] ?? stranger;
    await time('plain', () => opened.plain(user));
    await time('again', () => opened.ours(user));
    await time('first', () => opened.ours(stranger));
  }
  return measured;
}

function compare(name: string, peerName: string, { first, again, plain }: Measured): Figure[] {
  return [50, 99].flatMap((percent) => {
    const peer = plain.percentile(percent);
    return (
      [
        ['again', again],
        ['first time', first],
      ] as const
    ).flatMap(([kind, latencies]) => {
      const ours = latencies.percentile(percent);
      const alone = { unit: 'ms', peer: undefined, peerName: undefined };
      return [
        { figure: `${name}, user seen ${kind}, p${percent}`, unit: 'ms', ours, peer, peerName },
        { figure: `${name}, user seen ${kind}, p${percent}: added`, ...alone, ours: ours - peer },
      ];
    });
  });
}
