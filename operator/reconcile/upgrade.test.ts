import { beforeEach, describe, expect, it } from 'vitest';
import { EXPANDED, Installation, SERVICES } from './test-installation.ts';

let installation: Installation;

beforeEach(async () => {
  installation = new Installation();
  await installation.install();
});

/** Those whose Deployment has this tag. */
function on(version: string): string[] {
  return SERVICES.filter((service) => installation.imageOf(service) === `localhost/starling:${version}`).sort();
}

async function expand(): Promise<void> {
  installation.endJob('expand', EXPANDED);
  await installation.settle();
}

describe('an upgrade', () => {
  it('waits for its Job, then goes by turns: conversation, delivery, identity and user, web; then the rules level', async () => {
    installation.write({ version: '2.0.0' });
    await installation.settle();
    expect(installation.status).toMatchObject({ version: '1.0.0', targetVersion: '2.0.0', operation: { type: 'upgrade' } });
    expect(on('1.0.0')).toHaveLength(5);
    expect(installation.condition('Ready').status).toBe('False');
    await expand();
    const turns = [['conversation'], ['delivery'], ['identity', 'user'], ['web']];
    const done: string[] = [];
    for (const turn of turns) {
      done.push(...turn);
      expect(on('2.0.0')).toEqual([...done].sort());
      await installation.settle();
      expect(on('2.0.0')).toEqual([...done].sort());
      expect(installation.jobs('rules-level').map(({ status }) => status)).toHaveLength(1);
      installation.rollOut(...turn);
      await installation.settle();
    }
    expect(installation.status).toMatchObject({ version: '2.0.0', targetVersion: '2.0.0' });
    expect(installation.status.operation).toBeUndefined();
    expect(installation.condition('Ready').status).toBe('True');
    const [job] = installation.jobs('rules-level');
    expect(JSON.stringify(job?.['spec'])).toContain('localhost/starling:2.0.0');
    installation.endJob('rules-level', { result: 'done', rulesLevel: 2 });
    await installation.settle();
    expect(installation.status.rulesLevel).toBe(2);
    expect(installation.status.migrations?.map(({ version }) => version)).toEqual(['2.0.0', '2.0.0']);
  });

  it('does not raise the rules level while a pod of the old version still drains, which a Deployment does not count any more', async () => {
    for (const service of SERVICES) installation.putPod(`chat-${service}-old`, service, { labels: { 'pod-template-hash': 'old' } });
    installation.fake.clock.advance(60_000);
    installation.write({ version: '2.0.0' });
    await installation.settle();
    await expand();
    for (const service of SERVICES) {
      installation.rollOut(service);
      installation.putPod(`chat-${service}-new`, service, { labels: { 'pod-template-hash': 'new' } });
      if (service !== 'delivery') installation.fake.remove('Pod', `chat-${service}-old`);
    }
    for (let turn = 0; turn < 4; turn += 1) {
      await installation.settle();
      installation.rollOut(...SERVICES);
    }
    await installation.settle();
    expect(on('2.0.0')).toHaveLength(5);
    expect(installation.condition('Ready').status).toBe('True');
    const raising = () => JSON.stringify(installation.jobs('rules-level')).includes('localhost/starling:2.0.0');
    expect(raising(), 'a pod of the old template is there').toBe(false);
    installation.fake.edit('Pod', 'chat-delivery-old', (pod) => {
      pod.metadata.deletionTimestamp = '2030-01-01T00:00:00Z';
      pod.metadata.labels = { ...pod.metadata.labels, 'pod-template-hash': 'new' };
    });
    await installation.settle();
    expect(raising(), 'a pod is being deleted').toBe(false);
    installation.fake.edit('Pod', 'chat-delivery-old', (pod) => {
      pod.status = { ...pod.status, phase: 'Succeeded' };
    });
    await installation.settle();
    expect(raising(), 'its program has ended').toBe(true);
  });

  it('does not begin while a backup is under way', async () => {
    installation.fake.edit('ChatCluster', 'chat', (cluster) => {
      cluster.status = { ...cluster.status, operation: { type: 'backup', since: '2030-01-01T00:00:00Z' } };
    });
    installation.write({ version: '2.0.0' });
    await installation.settle();
    expect(installation.jobs('expand').map(({ spec }) => JSON.stringify(spec))).toEqual([]);
    expect(on('1.0.0')).toHaveLength(5);
    expect(installation.status.operation?.type).toBe('backup');
  });

  it('of an image that cannot be pulled halts at its Job, names pod and cause, and is mended by a reverted spec', async () => {
    installation.write({ version: 'broken' });
    await installation.settle();
    const job = installation.job('expand');
    installation.putPod(`${job.metadata.name}-x`, 'migrate', {
      labels: { 'batch.kubernetes.io/job-name': job.metadata.name },
      containerStatuses: [{ name: 'expand', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } } }],
    });
    await installation.settle();
    expect(installation.condition('Migrated')).toMatchObject({ status: 'False', reason: 'MigrationHalted' });
    expect(installation.condition('Migrated').message).toContain(`pod ${job.metadata.name}-x: ImagePullBackOff`);
    expect(on('1.0.0')).toHaveLength(5);
    installation.write({ version: '1.0.0' });
    await installation.settle();
    expect(installation.condition('Ready').status).toBe('True');
    expect(installation.jobs('expand').map(({ metadata }) => metadata.name)).not.toContain(job.metadata.name);
  });

  it('whose pods do not start halts: the others stay, the old version serves, and a reverted spec mends it', async () => {
    installation.write({ version: '2.0.0' });
    await installation.settle();
    await expand();
    installation.breakRollout('conversation', 'CrashLoopBackOff');
    await installation.settle();
    expect(installation.condition('RolledOut')).toMatchObject({ status: 'False', reason: 'RolloutHalted' });
    expect(installation.condition('RolledOut').message).toContain('pod chat-conversation-new: CrashLoopBackOff');
    expect(installation.condition('Ready')).toMatchObject({ status: 'False', reason: 'RolloutHalted' });
    expect(on('2.0.0')).toEqual(['conversation']);
    // Between two crashes the pod seems to run.
    installation.fake.remove('Pod', 'chat-conversation-new');
    await installation.settle();
    expect(installation.condition('RolledOut').reason).toBe('RolloutHalted');
    expect(on('2.0.0')).toEqual(['conversation']);
    // What somebody takes of those whose turn has not come is put back as it was.
    installation.fake.remove('Deployment', 'chat-web');
    await installation.settle();
    expect(installation.imageOf('web')).toBe('localhost/starling:1.0.0');
    installation.rollOut('web');

    installation.write({ version: '1.0.0' });
    await installation.settle();
    // The Job of the old version looks whether the data is still its own: the new one's has been there since.
    await expand();
    installation.rollOut('conversation');
    await installation.settle();
    expect(on('1.0.0')).toHaveLength(5);
    expect(installation.condition('Ready').status).toBe('True');
    expect(installation.status.operation).toBeUndefined();
  });

  it('goes on by itself when what halted it completes after all', async () => {
    installation.write({ version: '2.0.0' });
    await installation.settle();
    await expand();
    installation.breakRollout('conversation', 'ImagePullBackOff');
    await installation.settle();
    expect(installation.condition('RolledOut').reason).toBe('RolloutHalted');
    installation.fake.remove('Pod', 'chat-conversation-new');
    installation.rollOut('conversation');
    await installation.settle();
    expect(on('2.0.0')).toEqual(['conversation', 'delivery']);
  });

  it('to a version that is too old is refused, and nothing is changed', async () => {
    for (const reason of ['RulesLevelHigher', 'SchemaNewer']) {
      installation.write({ version: `0.${reason.length}.0` });
      await installation.settle();
      installation.endJob('expand', { result: 'refused', reason, message: 'the rules level is 3, this image knows 2' });
      await installation.settle();
      expect(installation.condition('Migrated')).toMatchObject({ status: 'False', reason: 'DowngradeBlocked' });
      expect(installation.condition('Migrated').message).toContain('the rules level is 3');
      expect(on('1.0.0')).toHaveLength(5);
      installation.write({ version: '1.0.0' });
      await installation.settle();
      expect(installation.condition('Ready').status).toBe('True');
    }
  });

  it('tries a Job again that merely failed: after a while, and at once for another spec', async () => {
    installation.write({ version: '2.0.0' });
    await installation.settle();
    const { uid } = installation.job('expand').metadata;
    installation.endJob('expand', { result: 'failed', message: 'the database does not answer' });
    await installation.settle();
    expect(installation.condition('Migrated')).toMatchObject({ status: 'False', reason: 'MigrationFailed' });
    expect(installation.condition('Migrated').message).toContain('the database does not answer');
    expect(installation.job('expand').metadata.uid).toBe(uid);
    installation.fake.clock.advance(300_000);
    await installation.settle();
    await installation.settle();
    const second = installation.job('expand').metadata.uid;
    expect(second).not.toBe(uid);
    installation.endJob('expand', { result: 'failed', message: 'the database does not answer' });
    installation.write({ version: '2.0.0', registration: 'Open' });
    await installation.settle();
    await installation.settle();
    expect(installation.job('expand').metadata.uid).not.toBe(second);
  });
});

describe('a refused Job', () => {
  const refuse = async (reason: string): Promise<string> => {
    installation.write({ version: '2.0.0' });
    await installation.settle();
    installation.endJob('expand', { result: 'refused', reason, message: 'no' });
    await installation.settle();
    return installation.job('expand').metadata.uid;
  };
  const later = async (): Promise<string> => {
    installation.fake.clock.advance(300_000);
    await installation.settle();
    await installation.settle();
    return installation.job('expand').metadata.uid;
  };

  it.each(['Configuration', 'LogLost', 'LogForeign'])(
    'is tried again after a while when %s may be mended outside the spec',
    async (reason) => {
      const uid = await refuse(reason);
      expect((await installation.pass())?.after, 'the operator looks again by itself').toBeLessThanOrEqual(300_000);
      expect(installation.job('expand').metadata.uid).toBe(uid);
      expect(await later()).not.toBe(uid);
      await expand();
      expect(installation.condition('Migrated').status).toBe('True');
      expect(installation.condition('LogIntact').status).toBe('True');
    },
  );

  it('says nothing of the one that is made in its place, while its pod is still there', async () => {
    await refuse('SchemaNewer');
    const { fake } = installation;
    const { name } = installation.job('expand').metadata;
    const pod = structuredClone(fake.find('Pod', `${name}-x`));
    installation.write({ version: '2.0.0', registration: 'Open' });
    await installation.settle();
    fake.put(pod);
    await installation.settle();
    expect(installation.job('expand').metadata.name).toBe(name);
    expect(installation.condition('Migrated')).toMatchObject({ status: 'False', reason: 'Migrating' });
  });

  it('stays so when only another spec can mend it', async () => {
    const uid = await refuse('SchemaNewer');
    expect(await later()).toBe(uid);
  });

  it('is left to its tries until it is given up', async () => {
    const uid = await refuse('Configuration');
    installation.fake.edit('Job', installation.job('expand').metadata.name, (job) => {
      job.status = { failed: 1 };
    });
    expect(await later()).toBe(uid);
  });
});

describe('the finished Job', () => {
  it('may go', async () => {
    const { name } = installation.job('expand').metadata;
    installation.fake.remove('Job', name);
    await installation.settle();
    expect(installation.jobs('expand')).toEqual([]);
    expect(installation.condition('Ready').status).toBe('True');
  });

  it('runs again on volumes that are others than those it worked on', async () => {
    const { uid } = installation.job('expand').metadata;
    installation.fake.remove('PersistentVolumeClaim', 'data-chat-redpanda-0');
    installation.startData();
    await installation.settle();
    await installation.settle();
    expect(installation.job('expand').metadata.uid).not.toBe(uid);
    await expand();
    installation.endJob('rules-level', { result: 'done', rulesLevel: 1 });
    await installation.settle();
    expect(installation.condition('Ready').status).toBe('True');
    const again = installation.job('expand').metadata.uid;
    await installation.settle();
    expect(installation.job('expand').metadata.uid).toBe(again);
  });
});

describe('a lost log', () => {
  const configOf = () => {
    const { data } = installation.fake.find('ConfigMap', installation.job('expand').metadata.name) as unknown as {
      data: Record<string, string>;
    };
    return JSON.parse(data['config.json'] ?? '') as { epoch: number; logExpected: boolean };
  };

  beforeEach(async () => {
    installation.fake.remove('PersistentVolumeClaim', 'data-chat-redpanda-0');
    installation.startData();
    await installation.settle();
    await installation.settle();
    expect(configOf()).toMatchObject({ epoch: 1, logExpected: true });
    installation.endJob('expand', { result: 'refused', reason: 'LogLost', message: 'topic conversations is missing' });
    await installation.settle();
  });

  it('is told, and nothing goes on before somebody gives that very epoch up; then the next one begins', async () => {
    expect(installation.condition('LogIntact')).toMatchObject({ status: 'False', reason: 'LogLost' });
    expect(installation.condition('LogIntact').message).toContain('starling.chat/accept-log-loss: "1"');
    for (const annotation of ['2', 'yes', '0']) {
      installation.write({}, { 'starling.chat/accept-log-loss': annotation });
      await installation.settle();
      expect(configOf().epoch).toBe(1);
    }
    installation.write({}, { 'starling.chat/accept-log-loss': '1' });
    await installation.settle();
    expect(configOf()).toMatchObject({ epoch: 2, logExpected: false });
    installation.endJob('expand', { ...EXPANDED, epoch: 2 });
    await installation.settle();
    expect(installation.status.log).toEqual({ epoch: 2 });
    expect(installation.condition('LogIntact').status).toBe('True');
    installation.rollOut(...SERVICES);
    await installation.settle();
    // The same annotation does not give up the new one.
    expect(installation.status.log).toEqual({ epoch: 2 });
    expect(installation.fake.find('Secret', 'chat-root').metadata.annotations).toMatchObject({ 'starling.chat/log-epoch': '2' });
  });
});

it('does not give up a log that is there', async () => {
  installation.write({}, { 'starling.chat/accept-log-loss': '1' });
  await installation.settle();
  expect(installation.status.log).toEqual({ epoch: 1 });
});
