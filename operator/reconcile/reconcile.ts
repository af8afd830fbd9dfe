import type { ChatClusterStatus } from '@starling/cdk8s/chat-cluster';
import { KubeError, type KubeObject, RESOURCES } from '../kube/index.ts';
import { bad, type Condition, type ConditionType, type Findings, mergeConditions } from '../status/conditions.ts';
import { tellTransitions } from '../status/tell-transitions.ts';
import { writeStatus } from '../status/write-status.ts';
import { rollOut } from './apps.ts';
import { autoscale } from './autoscale.ts';
import { keepData } from './data.ts';
import { type Guarded, guard } from './guard.ts';
import { registerMetricsApi } from './metrics-registration.ts';
import { migrate } from './migrate.ts';
import { observe } from './observe.ts';
import { type Outcome, wait } from './outcome.ts';
import { Leaving, NameTaken } from './ownership.ts';
import { keepSecrets } from './secrets.ts';
import { isGuarded, type Pass, type Tools } from './work.ts';

/** The key under which the registration of the metrics API is reconciled: no namespace and name are so. */
export const METRICS_API_KEY = '/metrics-api';
/** Whatever time a phase names: a pass costs something. */
const SOONEST_MS = 1_000;
const LEAVING_MS = 2_000;
const TAKEN_MS = 300_000;

/** Which condition tells of a phase that the API refused something. */
const CONDITION_OF = {
  guard: 'SpecValid',
  secrets: 'CertificatesValid',
  data: 'DataReady',
  migrate: 'Migrated',
  apps: 'RolledOut',
  autoscale: 'Autoscaling',
  observe: 'Migrated',
} as const satisfies Record<string, ConditionType>;
type PhaseName = keyof typeof CONDITION_OF;

/**
 * Reconciles one ChatCluster, `namespace/name`: all phases, each of which looks at the whole. Level-triggered: it may be cut
 * off at any moment and begun again. Resolves with when to look again at the latest; rejects when the API failed.
 */
export async function reconcile(tools: Tools, key: string): Promise<{ after?: number | undefined } | undefined> {
  if (key === METRICS_API_KEY) return { after: await registerMetricsApi(tools) };
  const [namespace = '', name = ''] = key.split('/');
  const cluster = tools.cache.get({ resource: RESOURCES.ChatCluster, name, namespace });
  // What it owned goes with it; what is retained stays.
  if (!cluster || cluster.metadata.deletionTimestamp !== undefined) return undefined;
  const pass = beginPass(tools, cluster);
  const run = await runPhases(pass);
  await endPass(pass, run);
  if (run.error !== undefined) throw run.error;
  const waits = run.times.filter((time) => Number.isFinite(time)).map((time) => Math.max(SOONEST_MS, time - pass.now));
  return waits.length > 0 ? { after: Math.min(...waits) } : undefined;
}

function beginPass(tools: Tools, cluster: KubeObject): Pass {
  const { name, namespace = '', uid, generation = 1 } = cluster.metadata;
  const before = (cluster.status ?? {}) as ChatClusterStatus;
  return {
    ...tools,
    cluster,
    name,
    namespace,
    uid,
    generation,
    now: tools.clock.now(),
    before,
    status: structuredClone(before),
    wanted: new Set(),
    dataReady: false,
    migrated: false,
    rolledOut: false,
  };
}

interface Run {
  findings: Findings;
  /** When to look again, ms since 1970. */
  times: number[];
  /** The API failed, and a phase was cut off. */
  error?: unknown;
}

async function runPhases(pass: Pass): Promise<Run> {
  const run: Run = { findings: {}, times: [] };
  const phase = async (name: PhaseName, work: () => Promise<Outcome>): Promise<Outcome['kind'] | 'failed'> => {
    // What one phase cannot do is no reason to leave the others' objects alone, but an API that fails is.
    if (run.error !== undefined) return 'failed';
    try {
      const outcome = await work().catch((error: unknown) => outcomeOf(error));
      Object.assign(run.findings, outcome.findings);
      run.times.push(timeOf(outcome, pass.now));
      return outcome.kind;
    } catch (error) {
      run.error = error;
      const refused = refusalOf(error);
      if (refused) run.findings[CONDITION_OF[name]] = bad('ApiRefused', refused);
      return 'failed';
    }
  };

  let verdict: Guarded | undefined;
  const guarded = await phase('guard', async () => {
    verdict = await guard(pass);
    return verdict.outcome;
  });
  const { accepted, upgrade = { mayUpgrade: false } } = (verdict ?? {}) as Partial<Guarded>;
  // Of what runs already, certificates and keys are kept alive under a spec that cannot be carried out, too.
  if (!accepted || !isGuarded(pass) || (guarded !== 'done' && pass.before.version === undefined)) return run;
  const kept = await phase('secrets', () => keepSecrets(pass, accepted.images));
  if (guarded !== 'done' || kept !== 'done') return run;
  await phase('data', () => keepData(pass));
  await phase('migrate', () => migrate(pass, upgrade));
  await phase('apps', () => rollOut(pass));
  await phase('autoscale', () => autoscale(pass));
  await phase('observe', () => observe(pass));
  return run;
}

function timeOf(outcome: Outcome, now: number): number {
  if (outcome.kind === 'wait') return now + outcome.afterMs;
  return outcome.kind === 'done' ? (outcome.again ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Leaving) return wait(error.message, {}, LEAVING_MS);
  if (error instanceof NameTaken) return { ...wait(error.message, { SpecValid: bad('NameTaken', error.message) }, TAKEN_MS) };
  throw error;
}

/** What the API will refuse again: it is told, beside being tried again. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof KubeError)) return undefined;
  const { status, message } = error;
  return [400, 403, 404, 405, 413, 415, 422].includes(status) ? message : undefined;
}

async function endPass(pass: Pass, { findings, error }: Run): Promise<void> {
  const before = (pass.before.conditions ?? []) as Condition[];
  const conditions = mergeConditions(before, findings, pass.generation, pass.now);
  // A pass that was cut off has not seen all of the spec.
  const observed = error === undefined ? { observedGeneration: pass.generation } : {};
  const status: ChatClusterStatus = { ...pass.status, ...observed, conditions };
  pass.cluster = await writeStatus(pass, pass.cluster, status);
  tellTransitions(pass.events, pass.cluster, before, conditions);
}
