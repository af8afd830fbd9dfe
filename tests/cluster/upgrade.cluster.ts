import { SERVICE_NAMES, SERVICES } from '@starling/contracts/services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { absencesSince } from './support/attendance.ts';
import { CRASH, CRASHING_VERSION, provideCrashingVersion } from './support/crashing-version.ts';
import { askDatabase } from './support/database.ts';
import {
  codesOf,
  createNamespace,
  deleteNamespace,
  kubectl,
  type LiveObject,
  listObjects,
  MISSING_VERSION,
  NEXT_VERSION,
  patchObject,
  readObject,
  STARLING,
  VERSION,
  waitForCondition,
  waitUntil,
} from './support/index.ts';
import { bringUp, ensureOperator, NAME, REFERENCE, urlOf } from './support/small-cluster.ts';
import { Talk } from './support/talk.ts';

const PEOPLE = { people: 4, groups: 4 };
const POSTS_PER_SECOND = 50;
/** Enough to see that the old version serves. */
const SOME_POSTS = 40;
/** Within which whoever loses a socket is live again, s. */
const RESUMED = 5;
const UPGRADED_MS = 420_000;
const HALTED_MS = 240_000;

describe('another version', () => {
  let namespace: string;
  let talk: Talk;

  beforeAll(async () => {
    await ensureOperator();
    await provideCrashingVersion();
    namespace = await createNamespace('upgrade');
    await bringUp(namespace, { version: VERSION });
    talk = await Talk.begin(urlOf(namespace), codesOf(namespace, NAME), PEOPLE);
  }, 900_000);
  afterAll(async () => {
    talk?.stop();
    await deleteNamespace(namespace);
  });

  function choose(version: string): Promise<string> {
    return patchObject(namespace, REFERENCE, { spec: { version } });
  }

  /** Until all is of that version, and the operator has nothing left to do. */
  async function becomes(version: string): Promise<void> {
    await waitForCondition(namespace, REFERENCE, { type: 'Ready' }, UPGRADED_MS);
    await waitUntil(
      `version ${version} to run`,
      UPGRADED_MS,
      async () => (await readObject(namespace, REFERENCE))?.['status'].version === version,
    );
    expect(await versions()).toEqual(Object.fromEntries(SERVICE_NAMES.map((service) => [service, [version]])));
  }

  /** The versions of each service's pods that are ready. */
  async function versions(): Promise<Record<string, string[]>> {
    const pods = await allPods(namespace);
    const ready = pods.filter((pod) => readySince(pod) !== undefined && pod['metadata'].deletionTimestamp === undefined);
    return Object.fromEntries(
      SERVICE_NAMES.map((service) => [service, [...new Set(ready.filter((pod) => componentOf(pod) === service).map(versionOf))].sort()]),
    );
  }

  /** Something is chosen with which it cannot go on, and people go on; then another choice mends it. Nothing is lost meanwhile. */
  async function expectHalt(halt: () => Promise<void>, mend: () => Promise<void>): Promise<void> {
    talk.start(POSTS_PER_SECOND);
    const since = performance.now();
    await halt();
    await talk.goesOn(SOME_POSTS, UPGRADED_MS);
    await mend();
    await talk.goesOn(SOME_POSTS, UPGRADED_MS);
    const { posts } = await talk.endSound();
    const { longest } = absencesSince(
      talk.people.map(({ attendance }) => attendance),
      since,
    );
    console.log(`${posts} posts sound; away ${longest.toFixed(1)} s at most`);
    expect(longest).toBeLessThanOrEqual(RESUMED);
  }

  it('takes the place of the one before in its turns, under load, and nothing is lost or doubled', async () => {
    const since = performance.now();
    talk.start(POSTS_PER_SECOND);
    await talk.goesOn(SOME_POSTS, UPGRADED_MS);
    const seen = watchPods(namespace);
    await choose(NEXT_VERSION);
    await becomes(NEXT_VERSION);
    const rolled = await waitForMigrations(namespace);
    const turns = await seen.stop();
    await talk.goesOn(SOME_POSTS, UPGRADED_MS);
    const { posts, sockets, closes } = await talk.endSound();
    const { longest } = absencesSince(
      talk.people.map(({ attendance }) => attendance),
      since,
    );
    console.log(
      `upgrade: ${posts} posts sound over ${sockets} sockets (closed: ${closes.join(' ') || 'none'}); away ${longest.toFixed(1)} s at most`,
    );
    for (const { turn, from, until } of turns)
      console.log(`turn ${turn}: ${new Date(from).toISOString()} to ${new Date(until).toISOString()}`);
    expect(longest).toBeLessThanOrEqual(RESUMED);
    expect(turns).toHaveLength(new Set(SERVICE_NAMES.map((service) => SERVICES[service].upgradeOrder)).size);
    for (const [index, { from }] of turns.entries()) expect(from).toBeGreaterThanOrEqual(turns[index - 1]?.until ?? rolled.expanded);
    expect(rolled.levelRaised).toBeGreaterThanOrEqual(turns.at(-1)?.until ?? Number.POSITIVE_INFINITY);
  }, 900_000);

  it('that no registry has halts at its first step, which says why; reverting the spec is enough', async () => {
    await expectHalt(
      async () => {
        await choose(MISSING_VERSION);
        const { message } = await waitForCondition(
          namespace,
          REFERENCE,
          { type: 'Migrated', status: 'False', reason: 'MigrationHalted' },
          HALTED_MS,
        );
        console.log(message);
        expect(message).toMatch(/pod chat-expand-\S+: (ErrImagePull|ImagePullBackOff)/);
        expect(await versions()).toEqual(Object.fromEntries(SERVICE_NAMES.map((service) => [service, [NEXT_VERSION]])));
      },
      async () => {
        await choose(NEXT_VERSION);
        await becomes(NEXT_VERSION);
      },
    );
  }, 900_000);

  it('that crashes halts the rollout, which names the pod and the cause; the old one serves, and mending the spec is enough', async () => {
    await expectHalt(
      async () => {
        await choose(CRASHING_VERSION);
        const { message } = await waitForCondition(
          namespace,
          REFERENCE,
          { type: 'RolledOut', status: 'False', reason: 'RolloutHalted' },
          UPGRADED_MS,
        );
        console.log(message);
        expect(message).toMatch(/rollout of delivery has halted: pod chat-delivery-\S+: CrashLoopBackOff.* code 1/);
        expect(await crashOf(namespace)).toContain(CRASH);
        const { conversation, delivery, web, identity, user } = await versions();
        expect({ conversation, delivery, web, identity, user }).toEqual({
          conversation: [CRASHING_VERSION],
          delivery: [NEXT_VERSION],
          web: [NEXT_VERSION],
          identity: [NEXT_VERSION],
          user: [NEXT_VERSION],
        });
        expect((await readObject(namespace, REFERENCE))?.['status'].version).toBe(NEXT_VERSION);
      },
      async () => {
        await choose(VERSION);
        await becomes(VERSION);
      },
    );
  }, 1_200_000);

  it('that crashes is left by reverting the spec, too', async () => {
    await expectHalt(
      async () => {
        await choose(CRASHING_VERSION);
        await waitForCondition(namespace, REFERENCE, { type: 'RolledOut', status: 'False', reason: 'RolloutHalted' }, UPGRADED_MS);
      },
      async () => {
        await choose(VERSION);
        await becomes(VERSION);
      },
    );
  }, 1_200_000);

  it('that does not know the rules in force is refused before anything of it runs', async () => {
    await askDatabase(namespace, 'INSERT INTO log.rules_level (level) VALUES (2)');
    await expectHalt(
      async () => {
        await choose(NEXT_VERSION);
        const { message } = await waitForCondition(
          namespace,
          REFERENCE,
          { type: 'Migrated', status: 'False', reason: 'DowngradeBlocked' },
          HALTED_MS,
        );
        console.log(message);
        expect(message).toMatch(/level 2/);
        expect(await versions()).toEqual(Object.fromEntries(SERVICE_NAMES.map((service) => [service, [VERSION]])));
        const ran = (await allPods(namespace)).filter((pod) => versionOf(pod) === NEXT_VERSION).map(componentOf);
        expect([...new Set(ran)]).toEqual(['migrate']);
      },
      async () => {
        await choose(VERSION);
        await becomes(VERSION);
      },
    );
  }, 900_000);
});

function allPods(namespace: string): Promise<LiveObject[]> {
  return listObjects(namespace, 'pods', `app.kubernetes.io/instance=${NAME}`);
}

function componentOf({ metadata }: LiveObject): string {
  return metadata.labels['app.kubernetes.io/component'];
}

function versionOf({ spec }: LiveObject): string {
  return (spec.containers[0].image as string).replace(`${STARLING}:`, '');
}

/** ms since 1970, or undefined. */
function readySince({ status }: LiveObject): number | undefined {
  const ready = (status.conditions as LiveObject[] | undefined)?.find(({ type, status: is }) => type === 'Ready' && is === 'True');
  return ready && Date.parse(ready['lastTransitionTime']);
}

/** Looks at the pods of the next version, until stopped; tells when those of each turn came, and were all ready. */
function watchPods(namespace: string): { stop(): Promise<{ turn: number; from: number; until: number }[]> } {
  const made = new Map<string, { turn: number; created: number; ready: number }>();
  let stopped = false;
  const look = async () => {
    for (const pod of await allPods(namespace)) {
      const service = SERVICE_NAMES.find((name) => name === componentOf(pod));
      const ready = readySince(pod);
      if (!service || versionOf(pod) !== NEXT_VERSION || ready === undefined || made.has(pod['metadata'].name)) continue;
      made.set(pod['metadata'].name, {
        turn: SERVICES[service].upgradeOrder,
        created: Date.parse(pod['metadata'].creationTimestamp),
        ready,
      });
    }
  };
  const looking = waitUntil('the end of the upgrade', UPGRADED_MS, async () => {
    await look();
    return stopped;
  });
  return {
    async stop() {
      stopped = true;
      await looking;
      await look();
      const byTurn = Map.groupBy(made.values(), ({ turn }) => turn);
      return [...byTurn]
        .map(([turn, pods]) => ({
          turn,
          from: Math.min(...pods.map(({ created }) => created)),
          until: Math.max(...pods.map(({ ready }) => ready)),
        }))
        .sort((one, other) => one.turn - other.turn);
    },
  };
}

/** When the data were ready for the next version, and when the rules were raised after it: ms since 1970. */
async function waitForMigrations(namespace: string): Promise<{ expanded: number; levelRaised: number }> {
  return waitUntil('both Jobs of the version to be noted', UPGRADED_MS, async () => {
    const migrations = ((await readObject(namespace, REFERENCE))?.['status'].migrations ?? []) as {
      job: string;
      version: string;
      completedAt: string;
    }[];
    const done = (step: string) =>
      migrations.find(({ job, version }) => version === NEXT_VERSION && job.startsWith(`${NAME}-${step}-`))?.completedAt;
    const [expanded, levelRaised] = [done('expand'), done('rules-level')];
    return expanded !== undefined && levelRaised !== undefined && { expanded: Date.parse(expanded), levelRaised: Date.parse(levelRaised) };
  });
}

/** What a pod of delivery that crashes wrote last. */
async function crashOf(namespace: string): Promise<string> {
  const pod = (await allPods(namespace)).find(
    (candidate) => componentOf(candidate) === 'delivery' && versionOf(candidate) === CRASHING_VERSION,
  );
  return kubectl(['--namespace', namespace, 'logs', '--previous', pod?.['metadata'].name]);
}
