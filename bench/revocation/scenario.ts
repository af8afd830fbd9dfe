import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDatabase } from '@starling/standalone/database';
import { findLauncher, startBrokers } from '@starling/testing/brokers';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { Latencies } from '../end-to-end/latencies.ts';
import { BenchError, type Figure, type Scenario } from '../scenario.ts';
import { type Account, call, issueToken, makeAccount, openSockets } from './person.ts';

/** As many as two pods take of one user. */
const SOCKETS = 100;
const SESSIONS = 5;
const PODS = ['delivery-1', 'delivery-2'];
const KINDS = ['end-all', 'disable'] as const;

/** How soon who was shut out is out. */
export const revocation: Scenario = {
  name: 'revocation',
  summary: 'end of all sessions and disabled user, through real Kafka, until each of 100 sockets on two pods is closed',
  options: {},
  async run({ quick, note }) {
    const launcher = await findLauncher();
    if (!launcher) throw new BenchError('this needs a Kafka broker: install Java 17 and Maven, or Docker');
    const rounds = quick ? 2 : 20;
    const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
    await chmod(folder, 0o711);
    const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
    try {
      note('starting broker, database and services');
      const brokers = await startBrokers(launcher, { count: 1 });
      undo.push(() => brokers.stop());
      const database = await startDatabase({ directory: join(folder, 'data'), say: () => {} });
      undo.push(() => database.stop());
      const services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, delivery: PODS.length });
      undo.push(() => services.stop());
      const { url } = services;
      // The first account of all is an owner.
      const [owner, user] = [await makeAccount(url), await makeAccount(url)];
      const measured: Measured = {
        'end-all': { answered: new Latencies(), closed: new Latencies() },
        disable: { answered: new Latencies(), closed: new Latencies() },
      };
      for (let round = 0; round <= rounds; round++) {
        note(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
        for (const kind of KINDS) await measure(services, { owner, user, kind }, round === 0 ? undefined : measured[kind]);
      }
      return KINDS.flatMap((kind) => describe(kind, measured[kind]));
    } finally {
      for (const step of undo.reverse()) await step();
    }
  },
};

/** From the moment of the call, ms: its answer, and the close of each socket. */
interface Times {
  answered: Latencies;
  closed: Latencies;
}
type Measured = Record<(typeof KINDS)[number], Times>;

async function measure(
  services: StarlingServices,
  { owner, user, kind }: { owner: Account; user: Account; kind: (typeof KINDS)[number] },
  times: Times | undefined,
): Promise<void> {
  const { url } = services;
  const ownerToken = await issueToken(url, owner);
  const tokens: string[] = [];
  while (tokens.length < SESSIONS) tokens.push(await issueToken(url, user));
  const sockets = await openSockets(url, tokens, SOCKETS);
  try {
    for (const pod of PODS) await requireSockets(services, pod, SOCKETS / PODS.length);
    const begun = performance.now();
    if (kind === 'end-all') await call(url, 'POST', '/v1/sessions/end-all', tokens[0], { keepCurrent: false });
    else await call(url, 'PATCH', `/v1/admin/users/${user.user}`, ownerToken, { disabled: true });
    times?.answered.add(performance.now() - begun);
    for (const close of await sockets.closes()) times?.closed.add(close - begun);
    if (kind === 'disable') await call(url, 'PATCH', `/v1/admin/users/${user.user}`, ownerToken, { disabled: false });
  } finally {
    sockets.terminate();
  }
}

/** Throws unless the pod has so many sockets: only then is it two pods that are measured. */
async function requireSockets(services: StarlingServices, pod: string, expected: number): Promise<void> {
  const text = await (await fetch(`${services.sideUrl(pod)}/metrics`)).text();
  const open = Number(/^starling_connections\S* (\d+)$/m.exec(text)?.[1]);
  if (open !== expected) throw new Error(`${pod} has ${open} sockets instead of ${expected}`);
}

function describe(kind: string, { answered, closed }: Times): Figure[] {
  const alone = { unit: 'ms', peer: undefined, peerName: undefined };
  return [
    { figure: `${kind}: call → answer, p50`, ...alone, ours: answered.percentile(50) },
    { figure: `${kind}: call → close, p50`, ...alone, ours: closed.percentile(50) },
    { figure: `${kind}: call → close, p99`, ...alone, ours: closed.percentile(99), goal: { atMost: 1_000 } },
  ];
}
