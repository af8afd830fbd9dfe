import type { Clock } from '@starling/platform/clock';
import type { KubeClient } from '../kube/types.ts';
import type { Caller } from './front-proxy.ts';

/** What a caller wants to do, in the terms of a SubjectAccessReview. */
export type Access =
  | { nonResourceAttributes: { path: string; verb: 'get' } }
  | {
      resourceAttributes: {
        namespace: string;
        verb: 'get';
        group: string;
        version: string;
        resource: 'pods';
        subresource: string;
        name: string;
      };
    };

/** For how long the API's answer holds. */
const KEPT_MS = 10_000;
const MOST_KEPT = 1_000;

/**
 * Asks the API whether a caller may do something. What it has answered holds for ten seconds. Rejects when the API gives
 * no answer.
 */
export function createAuthorizer(options: {
  client: Pick<KubeClient, 'request'>;
  clock: Clock;
}): (caller: Caller, access: Access) => Promise<boolean> {
  const { client, clock } = options;
  const answers = new Map<string, { until: number; allowed: Promise<boolean> }>();

  async function ask(spec: object): Promise<boolean> {
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    const answer = await client.request('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
    const status = (answer as { status?: { allowed?: boolean; denied?: boolean } }).status;
    return status?.allowed === true && status.denied !== true;
  }

  return ({ user, uid, groups, extra }, access) => {
    const spec = { ...access, user, ...(uid === undefined ? {} : { uid }), groups, extra };
    const key = JSON.stringify(spec);
    const now = clock.now();
    const kept = answers.get(key);
    if (kept && now < kept.until) return kept.allowed;
    const allowed = ask(spec);
    answers.delete(key);
    answers.set(key, { until: now + KEPT_MS, allowed });
    // Oldest first, as a Map keeps them.
    for (const oldest of answers.keys()) if (answers.size > MOST_KEPT) answers.delete(oldest);
    allowed.catch(() => {
      if (answers.get(key)?.allowed === allowed) answers.delete(key);
    });
    return allowed;
  };
}
