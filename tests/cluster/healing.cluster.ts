import { isDeepStrictEqual } from 'node:util';
import { type KubeClient, type KubeObject, RESOURCES, referenceOf } from '@starling/operator/kube/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refresh } from '../e2e/program.ts';
import { connectApi } from './support/api.ts';
import { conditionsText, installChatCluster, smallChatCluster, waitReady } from './support/chat-cluster.ts';
import {
  apply,
  codesOf,
  conditionOf,
  createNamespace,
  deleteNamespace,
  deleteObject,
  hostOf,
  installOperator,
  kubectl,
  patchObject,
  readObject,
  waitForCondition,
  waitUntil,
} from './support/index.ts';
import { leftoverOf } from './support/leftovers.ts';
import { startOperatorAgain, stopOperator } from './support/operator-pods.ts';
import { listOwned, meaningOf, nameOf, OWNED_KINDS } from './support/owned-objects.ts';
import { addAuthenticator, createGroup, logIn, type PersonAtProgram, post, readTexts, requestTokens, signUp } from './support/people.ts';
import { type Tampering, tamperingsOf } from './support/tampering.ts';

const NAME = 'heal';
const URL = `https://${hostOf(NAME)}`;
/** For one field: the operator hears of it at once, and has one write to make. */
const PUT_BACK_MS = 20_000;
/** For an object with pods of its own, or for all at once. */
const RECOVER_MS = 240_000;
const ROOT = `Secret/${NAME}-root`;
const SPEC = { autoscaling: { source: 'Builtin', minReplicas: 1, maxReplicas: 2 } } as const;

let namespace: string;
let client: KubeClient;
let closeApi: () => Promise<void>;
let ann: PersonAtProgram;
let group: string;
const said: string[] = [];

beforeAll(async () => {
  namespace = await createNamespace('healing');
  ({ client, close: closeApi } = await connectApi());
  await installOperator();
  await installChatCluster(namespace, smallChatCluster(NAME, SPEC));
  ann = await signUp(URL, 'Ann', codesOf(namespace, NAME));
  group = await createGroup(URL, (await logIn(URL, ann)).token, 'Notes');
  await say('before all');
}, 600_000);

afterAll(async () => {
  await closeApi?.();
  await deleteNamespace(namespace);
});

async function say(text: string): Promise<void> {
  await post(URL, (await logIn(URL, ann)).token, group, text);
  said.push(text);
}

/** All that was ever said, and nothing else. */
async function expectHistory(): Promise<void> {
  expect(await readTexts(URL, (await logIn(URL, ann)).token, group, said.length)).toEqual(said);
}

async function ownedOf(kind: string): Promise<KubeObject[]> {
  return (await listOwned(client, namespace, NAME)).filter((object) => object.kind === kind);
}

/** Makes the change, and tells what it left behind. Undefined: nothing. */
async function tamper(object: KubeObject, { what, patch }: Tampering): Promise<string | undefined> {
  const reference = referenceOf(object);
  const before = await client.get(reference);
  if (!before) return `${nameOf(object)} is not there`;
  const wanted = meaningOf(before);
  const changed = await client.patch(reference, patch, { manager: 'somebody' });
  // Else the test would say nothing.
  expect(isDeepStrictEqual(meaningOf(changed), wanted), `${what} of ${nameOf(object)} changes it`).toBe(false);
  let now: KubeObject | undefined;
  const isBack = async () => {
    now = await client.get(reference);
    return now !== undefined && (isDeepStrictEqual(meaningOf(now), wanted) || isReplaced(before, now, changed));
  };
  return waitUntil(what, PUT_BACK_MS, isBack).then(
    () => undefined,
    () => `${nameOf(object)}: ${what} is still there: ${differences(wanted, now ? meaningOf(now) : undefined).join('; ')}`,
  );
}

/** What was random cannot come back: another takes its place, with the same files and all else as it was. */
function isReplaced(before: KubeObject, now: KubeObject, changed: KubeObject): boolean {
  if (before.kind !== 'Secret' || !isRandom(before.metadata.name)) return false;
  const data = now['data'] as Record<string, string>;
  const [oldData, changedData] = [before['data'], changed['data']] as [Record<string, string>, Record<string, string>];
  const sameFiles = isDeepStrictEqual(Object.keys(data).sort(), Object.keys(oldData).sort());
  const noneLeft = Object.entries(data).every(([file, value]) => value === oldData[file] || value !== changedData[file]);
  return sameFiles && noneLeft && isDeepStrictEqual(meaningOf({ ...now, data: oldData }), meaningOf(before));
}

function isRandom(name: string): boolean {
  return /-(tls|signing-key|authority)$/.test(name);
}

/** The paths at which the one is not as the other. */
function differences(wanted: unknown, found: unknown, path = ''): string[] {
  if (isDeepStrictEqual(wanted, found)) return [];
  if (typeof wanted !== 'object' || typeof found !== 'object' || wanted === null || found === null) {
    const [one, other] = [wanted, found].map((value) => JSON.stringify(value)?.slice(0, 80));
    return [`${path} is ${other}, not ${one}`];
  }
  const keys = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  return [...keys].flatMap((key) => differences((wanted as never)[key], (found as never)[key], `${path}/${key}`));
}

/** Runs a check on one object after the other, and fails with all that it found. */
async function each<T>(parts: readonly T[], check: (part: T) => Promise<string | undefined>): Promise<void> {
  const found: string[] = [];
  for (const part of parts) {
    const problem = await check(part);
    if (problem) found.push(problem);
  }
  expect(found).toEqual([]);
}

const KINDS = OWNED_KINDS.map(({ kind }) => kind);
const WITH_PODS = ['Deployment', 'StatefulSet'];

describe('one change after the other to every object of a ChatCluster is put back', () => {
  it.each(KINDS)('%s', { timeout: 1_800_000 }, async (kind) => {
    const objects = await ownedOf(kind);
    expect(objects.length).toBeGreaterThan(0);
    let count = 0;
    await each(objects, async (object) => {
      const problems: string[] = [];
      for (const tampering of tamperingsOf(object)) {
        const problem = await tamper(object, tampering);
        if (problem) problems.push(problem);
        count += 1;
      }
      if (WITH_PODS.includes(kind)) await waitReady(namespace, NAME);
      return problems.length > 0 ? problems.join('\n') : undefined;
    });
    console.log(`${kind}: ${count} changes to ${objects.length} objects`);
  });

  it('and people chat on', async () => {
    await waitReady(namespace, NAME);
    await say('after the changes');
    await expectHistory();
  }, 600_000);
});

describe('one object after the other is deleted and made anew', () => {
  /** Claims wait for their pods, and are data; what is done once is not done again; the root of all passwords cannot be guessed. */
  const isMadeAnew = ({ kind, metadata }: KubeObject) =>
    kind !== 'PersistentVolumeClaim' &&
    kind !== 'Job' &&
    !metadata.name.includes('-expand-') &&
    !metadata.name.includes('-rules-level-') &&
    nameOf({ kind, metadata }) !== ROOT;

  async function remove(object: KubeObject): Promise<string | undefined> {
    const reference = referenceOf(object);
    const before = (await client.get(reference)) as KubeObject;
    await client.delete(reference);
    let now: KubeObject | undefined;
    const isBack = async () => {
      now = await client.get(reference);
      if (!now || now.metadata.uid === before.metadata.uid || now.metadata.deletionTimestamp !== undefined) return false;
      return isDeepStrictEqual(meaningOf(now), meaningOf(before)) || isReplaced(before, now, { ...before, data: {} });
    };
    return waitUntil(nameOf(object), RECOVER_MS, isBack).then(
      () => undefined,
      () => `${nameOf(object)} is not as it was: ${differences(meaningOf(before), now && meaningOf(now)).join('; ')}`,
    );
  }

  it.each(KINDS.filter((kind) => kind !== 'PersistentVolumeClaim' && kind !== 'Job'))('%s', { timeout: 1_800_000 }, async (kind) => {
    const objects = (await ownedOf(kind)).filter(isMadeAnew);
    expect(objects.length).toBeGreaterThan(0);
    await each(objects, async (object) => {
      const problem = await remove(object);
      if (WITH_PODS.includes(kind)) await waitReady(namespace, NAME);
      return problem;
    });
    console.log(`${kind}: ${objects.length} deleted`);
  });

  it('but a Job that is done, which is not run again', async () => {
    const before = await readObject(namespace, `chatcluster/${NAME}`);
    const jobs = await ownedOf('Job');
    expect(jobs.map(({ metadata }) => metadata.name).sort()).toEqual(
      before?.['status'].migrations.map(({ job }: { job: string }) => job).sort(),
    );
    for (const job of jobs) await client.delete(referenceOf(job));
    await patchObject(namespace, `chatcluster/${NAME}`, { spec: { delivery: { drainSeconds: 6 } } });
    await waitReady(namespace, NAME);
    expect(await ownedOf('Job')).toEqual([]);
    expect((await readObject(namespace, `chatcluster/${NAME}`))?.['status'].migrations).toEqual(before?.['status'].migrations);
  }, 600_000);

  it('and people chat on', async () => {
    await waitReady(namespace, NAME);
    await say('after the deletions');
    await expectHistory();
  }, 600_000);

  it('the root of all passwords alone is asked for, and its return suffices', async () => {
    const reference = referenceOf((await ownedOf('Secret')).find((object) => nameOf(object) === ROOT) as KubeObject);
    const { metadata, ...backup } = (await client.get(reference)) as KubeObject;
    await client.delete(reference);
    const { message } = await waitForCondition(
      namespace,
      `chatcluster/${NAME}`,
      { type: 'DataReady', status: 'False', reason: 'RootSecretLost' },
      60_000,
    );
    expect(message).toContain(`${NAME}-root`);
    const { name, labels = {}, annotations = {} } = metadata;
    await client.create({ ...backup, metadata: { name, namespace, labels, annotations } });
    await waitReady(namespace, NAME);
    await expectHistory();
  }, 600_000);
});

describe('with the operator down', () => {
  it('all objects are changed or deleted at once, and put back when it comes', async () => {
    const before = (await listOwned(client, namespace, NAME)).filter(
      ({ kind, metadata }) => kind !== 'Job' && !/-(expand|rules-level)-/.test(metadata.name),
    );
    await stopOperator();
    const changed = new Map<string, KubeObject | undefined>();
    for (const [index, object] of before.entries()) {
      const tries = tamperingsOf(object);
      const mayGo = object.kind !== 'PersistentVolumeClaim' && nameOf(object) !== ROOT;
      const turn = index % (tries.length + (mayGo ? 1 : 0));
      const tampering = tries[turn];
      if (tampering) changed.set(nameOf(object), await client.patch(referenceOf(object), tampering.patch, { manager: 'somebody' }));
      else await client.delete(referenceOf(object));
    }
    const left = async () => {
      const problems: string[] = [];
      for (const object of before) {
        const now = await client.get(referenceOf(object));
        const back =
          now &&
          (isDeepStrictEqual(meaningOf(now), meaningOf(object)) ||
            isReplaced(object, now, changed.get(nameOf(object)) ?? { ...object, data: {} }));
        if (!back) problems.push(`${nameOf(object)}: ${differences(meaningOf(object), now && meaningOf(now)).join('; ')}`);
      }
      return problems;
    };
    // Nobody puts anything back but the operator.
    expect((await left()).length).toBe(before.length);
    await startOperatorAgain();
    await waitUntil('all to be put back', RECOVER_MS, async () => (await left()).length === 0).catch(async () => {
      expect(await left()).toEqual([]);
    });
    console.log(`with the operator down: ${before.length} objects changed or deleted`);
    await waitReady(namespace, NAME);
    await say('after the absence');
    await expectHistory();
  }, 900_000);
});

describe('kubectl scale --replicas=0', () => {
  it.each(['delivery', 'web'])('of %s is undone', { timeout: 600_000 }, async (service) => {
    await kubectl(['--namespace', namespace, 'scale', 'deployment', `${NAME}-${service}`, '--replicas=0']);
    await waitUntil(`a pod of ${service}`, RECOVER_MS, async () => {
      const { spec, status, metadata } = (await readObject(namespace, `deployment/${NAME}-${service}`)) ?? {};
      return spec?.replicas === 1 && status?.availableReplicas === 1 && status.observedGeneration === metadata.generation;
    });
    await waitReady(namespace, NAME);
  });
});

describe('what the spec does not want any more is gone', () => {
  it('the autoscaler, and comes back', async () => {
    const scaler = `horizontalpodautoscaler/${NAME}-delivery`;
    await patchObject(namespace, `chatcluster/${NAME}`, { spec: { autoscaling: { source: 'None' } } });
    await waitUntil('the autoscaler to be gone', 60_000, async () => (await readObject(namespace, scaler)) === undefined);
    expect((await readObject(namespace, `deployment/${NAME}-delivery`))?.['spec'].replicas).toBe(1);
    await patchObject(namespace, `chatcluster/${NAME}`, { spec: { autoscaling: { source: 'Builtin' } } });
    await waitUntil('the autoscaler to be back', 60_000, async () => (await readObject(namespace, scaler)) !== undefined);
    expect((await readObject(namespace, `deployment/${NAME}-delivery`))?.['spec'].replicas).toBe(1);
  }, 300_000);

  it('the Job of another configuration, and what it was told', async () => {
    const partsOfJobs = async () =>
      (await listOwned(client, namespace, NAME)).filter(({ metadata }) => /-(expand|rules-level)-/.test(metadata.name)).map(nameOf);
    await patchObject(namespace, `chatcluster/${NAME}`, { spec: { log: { retentionDays: 8 } } });
    await waitReady(namespace, NAME);
    const first = await partsOfJobs();
    expect(first).toContainEqual(expect.stringMatching(/^Job\/heal-expand-/));
    await patchObject(namespace, `chatcluster/${NAME}`, { spec: { log: { retentionDays: 9 } } });
    await waitUntil('only the new Job', RECOVER_MS, async () => {
      const now = await partsOfJobs();
      return (
        now.some((name) => name.startsWith('Job/heal-expand-')) && !now.some((name) => name.includes('-expand-') && first.includes(name))
      );
    });
    await waitReady(namespace, NAME);
  }, 600_000);

  it('what an earlier version left of every kind; but not what others own, or nobody', async () => {
    const { uid } = (await readObject(namespace, `chatcluster/${NAME}`))?.['metadata'] ?? {};
    const leftovers = OWNED_KINDS.filter(({ kind }) => kind !== 'PersistentVolumeClaim').map((resource) =>
      leftoverOf(resource, { name: NAME, uid }),
    );
    const others = [
      leftoverOf(RESOURCES.ConfigMap, { name: NAME, uid: undefined }, { name: 'orphan' }),
      leftoverOf(RESOURCES.ConfigMap, { name: NAME, uid }, { name: 'kept', labels: { 'starling.chat/data': 'true' } }),
    ];
    await apply(namespace, [...leftovers, ...others]);
    await waitUntil('all leftovers to be gone', 120_000, async () => {
      const left = await Promise.all(leftovers.map(({ kind, metadata }) => readObject(namespace, `${kind}/${metadata.name}`)));
      return left.every((object) => object === undefined || object['metadata'].deletionTimestamp !== undefined);
    });
    for (const { kind, metadata } of others) {
      expect(await readObject(namespace, `${kind}/${metadata.name}`)).toBeDefined();
      await deleteObject(namespace, `${kind}/${metadata.name}`);
    }
    await waitReady(namespace, NAME);
  }, 300_000);
});

describe('a ChatCluster that is deleted', () => {
  /** Of every kind that there is, but Events and what each namespace has. */
  async function allObjects(): Promise<string[]> {
    const kinds = (await kubectl(['api-resources', '--namespaced', '--verbs=list', '--output=name'])).trim().split('\n');
    const plain = kinds.filter((kind) => !kind.startsWith('events') && !kind.includes('custom.metrics'));
    const output = await kubectl(['--namespace', namespace, 'get', plain.join(','), '--output=name', '--ignore-not-found']);
    return output.split('\n').filter((name) => name !== '' && !['serviceaccount/default', 'configmap/kube-root-ca.crt'].includes(name));
  }

  it('leaves the volumes and the root of the passwords, which the next of its name takes up with all that was said', async () => {
    const { token, refreshToken } = await logIn(URL, ann);
    const guarded = await addAuthenticator(URL, ann, token);
    ann = guarded;
    await say('before the end');
    const manifest = { ...smallChatCluster(NAME), spec: (await readObject(namespace, `chatcluster/${NAME}`))?.['spec'] };
    const claims = (await ownedOf('PersistentVolumeClaim')).map(({ metadata }) => `persistentvolumeclaim/${metadata.name}`);
    expect(claims).toHaveLength(2);

    await kubectl(['--namespace', namespace, 'delete', 'chatcluster', NAME, '--timeout=60s']);
    const kept = [...claims, `secret/${NAME}-root`].sort();
    await waitUntil('nothing but data to be left', 120_000, async () => isDeepStrictEqual((await allObjects()).sort(), kept)).catch(
      async () => {
        expect((await allObjects()).sort()).toEqual(kept);
      },
    );
    for (const object of await listOwned(client, namespace, NAME)) {
      expect(object.metadata.labels).toMatchObject({ 'starling.chat/cluster': NAME, 'starling.chat/data': 'true' });
      expect(object.metadata.ownerReferences ?? []).toEqual([]);
    }

    await apply(namespace, manifest);
    await waitReady(namespace, NAME);
    const chatCluster = await readObject(namespace, `chatcluster/${NAME}`);
    expect(conditionOf(chatCluster, 'LogIntact')?.status, conditionsText(chatCluster)).toBe('True');
    // Without the second factor the account is closed, as before; the program's session goes on.
    expect((await requestTokens(URL, guarded)).status).toBe(401);
    expect((await refresh(URL, refreshToken)).status).toBe(200);
    await expectHistory();
    await say('after the end');
    await expectHistory();
  }, 900_000);
});
