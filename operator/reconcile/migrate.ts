import { createHash } from 'node:crypto';
import { CLUSTER_LABEL, type Manifest, renderExpand } from '@starling/cdk8s/parts';
import { type KubeObject, RESOURCES, referenceOf } from '../kube/index.ts';
import { bad, type Findings, good } from '../status/conditions.ts';
import { volumesOf } from './data.ts';
import { type JobState, judgeJob } from './jobs.ts';
import { done, type Outcome, terminal, wait } from './outcome.ts';
import { applyAllOwned, Leaving, want } from './ownership.ts';
import { establishEpoch } from './secrets.ts';
import { inputOf, type Pass } from './work.ts';

/** On a Job: the generation of the ChatCluster, and the volumes, that it was made for. */
const GENERATION_ANNOTATION = 'starling.chat/generation';
const VOLUMES_ANNOTATION = 'starling.chat/volumes';
/** A Job that failed is made anew after so long, and one that was refused for what may be mended outside the spec. */
const TRY_AGAIN_MS = 300_000;
/** A Secret of others is corrected, topics come back: no watch tells of it. What a version is too old for stays so. */
const MENDED_ELSEWHERE: ReadonlySet<string> = new Set(['Configuration', 'LogLost', 'LogForeign']);
/** A pod that waits longer than this for its volumes is told of. */
const VOLUMES_MS = 45_000;

/**
 * Runs the expand Job of the target version, once: that it is done is kept in the status, so that the Job itself may go. It
 * runs again for another version or configuration, and on volumes that are others than those it worked on.
 */
export async function migrate(pass: Pass, options: { mayUpgrade: boolean; why?: string | undefined }): Promise<Outcome> {
  const input = inputOf(pass);
  const manifests = renderExpand(input);
  const job = jobOf(manifests);
  const volumes = volumesHash(pass);
  await pruneJobs(pass, job.metadata.name, 'expand');
  if (isRecorded(pass, job.metadata.name, volumes)) {
    pass.migrated = true;
    await keepFinished(pass, manifests, volumes);
    return done(MIGRATED);
  }
  want(pass, manifests);
  if (!options.mayUpgrade) return wait(options.why ?? 'another operation is under way', {});
  if (!pass.dataReady)
    return wait('the database and the log are not ready', {
      Migrated: bad('WaitingForData', 'the database and the log are not ready yet'),
    });
  const live = await ensureJob(pass, manifests, volumes);
  const state = judgeJob(live, podsOf(pass, live));
  switch (state.state) {
    case 'done': {
      await establishEpoch(pass, input.epoch);
      pass.status.rulesLevel = Math.max(state.result.rulesLevel ?? 0, pass.before.rulesLevel ?? 0);
      record(pass, { job: job.metadata.name, version: pass.status.targetVersion ?? '', volumes });
      if (state.result.migrations)
        pass.status.schemas = Object.entries(state.result.migrations).map(([service, migration]) => ({ service, migration }));
      pass.migrated = true;
      return done(MIGRATED);
    }
    case 'refused': {
      const findings = refusal(pass, state, input.epoch);
      return MENDED_ELSEWHERE.has(state.reason) ? wait(state.reason, findings) : terminal(state.reason, findings);
    }
    default:
      return wait(state.why, { Migrated: bad(REASONS[state.state], describe(pass, live, state)) });
  }
}

const MIGRATED: Findings = {
  Migrated: good('Migrated', 'database and log are what this version expects'),
  LogIntact: good('Intact', 'the topics of the log are there'),
};

const REASONS = { failed: 'MigrationFailed', halted: 'MigrationHalted', running: 'Migrating' } as const;

/**
 * Makes the Job, or finds it. It is made anew where it worked on other volumes, where it ended without success for another
 * spec (its owner may have mended something), and, if that can be mended without the spec, after a while.
 */
export async function ensureJob(pass: Pass, manifests: readonly Manifest[], volumes: string): Promise<KubeObject> {
  const wanted = jobOf(manifests);
  const live = pass.cache.get(referenceOf(wanted));
  const marks = live?.metadata.annotations ?? { [GENERATION_ANNOTATION]: String(pass.generation), [VOLUMES_ANNOTATION]: volumes };
  if (live && isSpent(pass, live, volumes)) {
    await pass.client.delete(referenceOf(wanted), { uid: live.metadata.uid });
    throw new Leaving(`Job ${live.metadata.name} is made anew`);
  }
  const annotations = Object.fromEntries([GENERATION_ANNOTATION, VOLUMES_ANNOTATION].map((name) => [name, marks[name] ?? '']));
  await applyAllOwned(
    pass,
    manifests.map((manifest) => (manifest.kind === 'Job' ? { ...manifest, metadata: { ...manifest.metadata, annotations } } : manifest)),
  );
  const job = pass.cache.get(referenceOf(wanted));
  if (!job) throw new Leaving(`Job ${wanted.metadata.name} is not to be seen yet`);
  return job;
}

/** A Job that is done may go; while it is there, it is kept as it is. */
export async function keepFinished(pass: Pass, manifests: readonly Manifest[], volumes: string): Promise<void> {
  if (pass.cache.get(referenceOf(jobOf(manifests)))) await ensureJob(pass, manifests, volumes);
}

function isSpent(pass: Pass, live: KubeObject, volumes: string): boolean {
  const { annotations = {} } = live.metadata;
  const state = judgeJob(live, podsOf(pass, live));
  if (state.state === 'running' || state.state === 'halted') return false;
  if (annotations[VOLUMES_ANNOTATION] !== volumes) return true;
  if (state.state === 'done') return false;
  if (annotations[GENERATION_ANNOTATION] !== String(pass.generation)) return true;
  if (state.state === 'refused' && !MENDED_ELSEWHERE.has(state.reason)) return false;
  const ended = endedAt(live);
  return ended !== undefined && pass.now - ended >= TRY_AGAIN_MS;
}

export function podsOf(pass: Pick<Pass, 'cache' | 'namespace'>, job: KubeObject): KubeObject[] {
  const labels = { 'batch.kubernetes.io/job-name': job.metadata.name };
  // Those of the Job of the same name before it may be there for a while: what they told is over.
  const ofAnother = ({ metadata }: KubeObject) =>
    metadata.ownerReferences?.some(({ kind, uid }) => kind === 'Job' && uid !== job.metadata.uid) ?? false;
  return pass.cache.list(RESOURCES.Pod, { namespace: pass.namespace, labels }).filter((pod) => !ofAnother(pod));
}

export function jobOf(manifests: readonly Manifest[]): Manifest {
  const job = manifests.find(({ kind }) => kind === 'Job');
  if (!job) throw new Error('the parts render no Job');
  return job;
}

/** Ends Jobs of the step that are of another version or configuration: what they would do is not wanted any more. */
export async function pruneJobs(pass: Pass, wanted: string, step: 'expand' | 'rules-level'): Promise<void> {
  const ours = { namespace: pass.namespace, labels: { [CLUSTER_LABEL]: pass.name } };
  const prefix = `${pass.name}-${step}-`;
  for (const resource of [RESOURCES.Job, RESOURCES.ConfigMap]) {
    for (const { metadata } of pass.cache.list(resource, ours)) {
      const owned = metadata.ownerReferences?.some(({ uid }) => uid === pass.uid);
      if (owned && metadata.name.startsWith(prefix) && metadata.name !== wanted && metadata.deletionTimestamp === undefined)
        await pass.client.delete({ resource, name: metadata.name, namespace: pass.namespace }, { uid: metadata.uid });
    }
  }
}

/** Puts what is done in the place of what was done in the same step before: an older version's run says nothing any more. */
export function record(pass: Pass, finished: { job: string; version: string; volumes: string }): void {
  const step = stepOf(pass.name, finished.job);
  const others = (pass.status.migrations ?? []).filter(({ job }) => stepOf(pass.name, job) !== step);
  pass.status.migrations = [...others, { ...finished, completedAt: new Date(pass.now).toISOString().replace(/\.\d+Z$/, 'Z') }];
}

/** Which volumes the data lies on now. */
export function volumesHash(pass: Pass): string {
  const lines = volumesOf(pass).map(({ component, uid }) => `${component} ${uid}`);
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
}

export function isRecorded(pass: Pass, job: string, volumes: string): boolean {
  return Boolean(pass.before.migrations?.some((done) => done.job === job && done.volumes === volumes));
}

function stepOf(name: string, job: string): string {
  return job.slice(name.length + 1).replace(/-[^-]+$/, '');
}

function refusal(pass: Pass, { reason, message }: { reason: string; message: string }, epoch: number): Findings {
  if (reason === 'LogLost') {
    const accept = `restore the topics, or give them up by the annotation starling.chat/accept-log-loss: "${epoch}"`;
    return {
      LogIntact: bad('LogLost', `the topics of epoch ${epoch} are gone: ${message}; ${accept}`),
      Migrated: bad('LogLost', `the topics of epoch ${epoch} are gone; see LogIntact`),
    };
  }
  if (reason === 'LogForeign') return { LogIntact: bad('LogForeign', message), Migrated: bad('LogForeign', message) };
  if (reason === 'SchemaNewer' || reason === 'RulesLevelHigher') {
    const version = pass.status.targetVersion ?? '';
    return {
      Migrated: bad(
        'DowngradeBlocked',
        `version ${version} is too old for this installation (${reason}): ${message}; give spec.version the version in force or a newer one`,
      ),
    };
  }
  return { Migrated: bad('MigrationRefused', `${reason}: ${message}`) };
}

/** With a hint where a pod waits for what it mounts: the API tells that only by events. */
function describe(pass: Pass, job: KubeObject, state: Extract<JobState, { why: string }>): string {
  if (state.state !== 'running') return state.why;
  const stuck = podsOf(pass, job).find((pod) => waitsForVolumes(pod, pass.now));
  if (!stuck) return state.why;
  const { external, cloudNativePG } = inputOf(pass).spec.data.postgres;
  const log = inputOf(pass).spec.data.log.external;
  const secrets = [
    ...(cloudNativePG
      ? [`${cloudNativePG.cluster}-superuser and ${cloudNativePG.cluster}-ca (spec.data.postgres.cloudNativePG.cluster)`]
      : []),
    ...(external ? [`${external.administrator.name} and ${external.authority.name} (spec.data.postgres.external)`] : []),
    ...(log ? [`${log.administrator.name} and ${log.authority.name} (spec.data.log.external)`] : []),
  ];
  return `pod ${stuck.metadata.name} waits for its volumes: the Secrets that it mounts must exist with their keys${secrets.length > 0 ? `: ${secrets.join('; ')}` : ''}`;
}

interface PodParts {
  status?: {
    phase?: string;
    conditions?: { type: string; status: string; lastTransitionTime?: string }[];
    containerStatuses?: { state?: { waiting?: { reason?: string } } }[];
  };
}

function waitsForVolumes(pod: KubeObject, now: number): boolean {
  const { status } = pod as PodParts;
  const scheduled = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'True');
  const creating = status?.containerStatuses?.some(({ state }) => state?.waiting?.reason === 'ContainerCreating');
  return status?.phase === 'Pending' && Boolean(creating) && now - Date.parse(scheduled?.lastTransitionTime ?? '') > VOLUMES_MS;
}

interface JobParts {
  status?: { conditions?: { type: string; status: string; lastTransitionTime?: string }[] };
}

/** Undefined: it has not been given up. */
function endedAt(job: KubeObject): number | undefined {
  const failed = (job as JobParts).status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  return failed && (Date.parse(failed.lastTransitionTime ?? '') || 0);
}
