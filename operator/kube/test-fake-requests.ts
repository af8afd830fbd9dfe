import type { KubeObject } from './types.ts';

/** How the fake API server says no. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfter: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** `/apis/apps/v1/namespaces/a/deployments`, or `/apis/apps/v1/deployments`: of which kind and namespace. */
export function placeOf(path: string): { collection: string; namespace: string | undefined } {
  const [, group = '', namespace, plural = ''] = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)/.exec(path) ?? [];
  return { collection: `${group} ${plural}`, namespace };
}

export function isCollection(path: string): boolean {
  return /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(\/namespaces\/[^/]+)?\/[^/]+$/.test(path);
}

export function isIn(at: string, collection: string, namespace: string | undefined): boolean {
  const place = placeOf(at);
  return place.collection === collection && (namespace === undefined || namespace === place.namespace);
}

export function matcherOf(selector: string | null): (object: KubeObject) => boolean {
  const wanted = (selector ?? '')
    .split(',')
    .filter(Boolean)
    .map((term) => term.split('='));
  return ({ metadata: { labels = {} } }) =>
    wanted.every(([name = '', value]) => (value === undefined ? labels[name] !== undefined : labels[name] === value));
}

export function patchOf(live: KubeObject, body: unknown, contentType: string): KubeObject {
  if (!contentType.startsWith('application/json-patch')) return mergePatch(live, body) as KubeObject;
  const patched = structuredClone(live);
  for (const { op, path, value } of body as { op: string; path: string; value: unknown }[]) {
    const [, parent, name] = /^\/(metadata)\/(managedFields|resourceVersion)$/.exec(path) ?? [];
    if (op !== 'replace' || parent === undefined || name === undefined) throw new Refusal(422, 'Invalid', `the fake cannot ${op} ${path}`);
    Object.assign(patched.metadata, { [name]: value });
  }
  return patched;
}

function mergePatch(live: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = typeof live === 'object' && live !== null && !Array.isArray(live) ? { ...live } : {};
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  return merged;
}

export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}
