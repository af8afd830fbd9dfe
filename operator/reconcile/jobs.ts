import type { KubeObject } from '../kube/types.ts';
import { findTrouble, shorten } from './rollout.ts';

/** What an `expand` or `rules-level` Job told when it ended, in the termination message of its pod. */
export type JobResult =
  | { result: 'done'; rulesLevel?: number; epoch?: number; migrations?: Record<string, string> }
  | { result: 'refused'; reason: string; message: string }
  | { result: 'failed'; message: string };

export type JobState =
  | { state: 'done'; result: Extract<JobResult, { result: 'done' }> }
  | { state: 'refused'; reason: string; message: string }
  /** It was given up: every try failed. */
  | { state: 'failed'; why: string }
  /** It will not go on without help, such as an image that cannot be pulled. */
  | { state: 'halted'; why: string }
  | { state: 'running'; why: string };

interface JobParts {
  status?: { conditions?: { type: string; status: string; message?: string }[]; failed?: number };
}

interface PodParts {
  status?: { containerStatuses?: { state?: { terminated?: Terminated }; lastState?: { terminated?: Terminated } }[] };
}

interface Terminated {
  exitCode?: number;
  reason?: string;
  message?: string;
  finishedAt?: string;
}

/** Judges a Job by its conditions and its pods. A refusal is taken from the first pod that tells one: trying again changes nothing. */
export function judgeJob(job: KubeObject, pods: readonly KubeObject[]): JobState {
  const { conditions = [], failed = 0 } = (job as JobParts).status ?? {};
  const { name } = job.metadata;
  const is = (type: string) => conditions.find((condition) => condition.type === type && condition.status === 'True');
  const results = pods.flatMap((pod) => resultsOf(pod)).sort((one, other) => one.finishedAt.localeCompare(other.finishedAt));
  if (is('Complete')) {
    const told = results.findLast(({ result }) => result?.result === 'done')?.result;
    return { state: 'done', result: told?.result === 'done' ? told : { result: 'done' } };
  }
  const refused = results.findLast(({ result }) => result?.result === 'refused')?.result;
  if (refused?.result === 'refused') return { state: 'refused', reason: refused.reason, message: refused.message };
  const last = results.at(-1);
  const failure =
    last && `pod ${last.pod}: ${last.result?.result === 'failed' ? last.result.message : `ended with code ${last.exitCode}${last.cause}`}`;
  const failedCondition = is('Failed');
  if (failedCondition) return { state: 'failed', why: `Job ${name} failed: ${failure ?? failedCondition.message ?? 'its pods are gone'}` };
  const trouble = findTrouble(pods);
  if (trouble) return { state: 'halted', why: `Job ${name}: ${trouble}` };
  return { state: 'running', why: failed > 0 && failure ? `Job ${name} tries again, after ${failure}` : `Job ${name} runs` };
}

interface Ended {
  pod: string;
  exitCode: number;
  /** What the runtime or the program says, unless it is a result. */
  cause: string;
  finishedAt: string;
  result: JobResult | undefined;
}

function resultsOf(pod: KubeObject): Ended[] {
  return ((pod as PodParts).status?.containerStatuses ?? []).flatMap(({ state, lastState }) => {
    const terminated = state?.terminated ?? lastState?.terminated;
    if (!terminated) return [];
    const { exitCode = -1, finishedAt = '', message = '', reason } = terminated;
    const result = parseResult(message);
    const said = [reason === 'Error' ? undefined : reason, message].filter(Boolean).join(': ');
    const cause = result || said === '' ? '' : ` (${shorten(said)})`;
    return [{ pod: pod.metadata.name, exitCode, cause, finishedAt, result }];
  });
}

/** What is no result of ours says nothing. */
function parseResult(message: string | undefined): JobResult | undefined {
  try {
    const value = JSON.parse(message ?? '') as Partial<JobResult> | null;
    if (value?.result === 'done') return value as JobResult;
    if (value?.result === 'refused' && typeof value.reason === 'string') return { message: '', ...value } as JobResult;
    if (value?.result === 'failed') return { message: '', ...value } as JobResult;
  } catch {
    // Cut off, or of another program.
  }
  return undefined;
}
