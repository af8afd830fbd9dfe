import { expect, it } from 'vitest';
import { kubectl } from './support/index.ts';

const FOLDER = new URL('../../cdk8s/golden/kubernetes-schemas/', import.meta.url).pathname;
/** By file, the group and version that a server describes, and the kinds that we render. */
const GROUPS = {
  core: { path: 'api/v1', kinds: ['ConfigMap', 'Secret', 'Service', 'ServiceAccount'] },
  apps: { path: 'apis/apps/v1', kinds: ['Deployment', 'StatefulSet'] },
  autoscaling: { path: 'apis/autoscaling/v2', kinds: ['HorizontalPodAutoscaler'] },
  batch: { path: 'apis/batch/v1', kinds: ['Job'] },
  networking: { path: 'apis/networking.k8s.io/v1', kinds: ['Ingress', 'NetworkPolicy'] },
  policy: { path: 'apis/policy/v1', kinds: ['PodDisruptionBudget'] },
};
const PREFIX = '#/components/schemas/';

type Schema = Record<string, unknown>;
interface Description {
  components: { schemas: Record<string, Schema> };
}

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null;

/**
 * Golden manifests are judged by schemas of a real server, as recorded. `vitest run --config vitest.cluster.config.ts
 * tests/cluster/schemas.cluster.ts --update` records those of the server at hand.
 */
it.each(Object.entries(GROUPS))('recorded the schemas of %s as the server has them', async (name, { path, kinds }) => {
  const { components } = JSON.parse(await kubectl(['get', '--raw', `/openapi/v3/${path}`])) as Description;
  const version = path.split('/').at(-1) ?? '';
  const roots = Object.keys(components.schemas).filter((key) => kinds.some((kind) => key.endsWith(`.${version}.${kind}`)));
  expect(roots).toHaveLength(kinds.length);
  const recorded = Object.fromEntries(reachedFrom(roots, components.schemas).map((key) => [key, withoutProse(components.schemas[key])]));
  await expect(`${JSON.stringify(recorded, undefined, 1)}\n`).toMatchFileSnapshot(`${FOLDER}${name}.json`);
});

/** The names of the schemas that these refer to, and so on. */
function reachedFrom(roots: string[], schemas: Record<string, Schema>): string[] {
  const reached = new Set(roots);
  for (const key of reached) for (const name of referencesOf(schemas[key])) reached.add(name);
  return [...reached].sort();
}

function referencesOf(value: unknown): string[] {
  if (!isObject(value)) return [];
  const own = typeof value['$ref'] === 'string' ? [value['$ref'].slice(PREFIX.length)] : [];
  return [...own, ...Object.values(value).flatMap(referencesOf)];
}

/** What judges, without what explains or completes. Of `properties`, the keys are names of fields, whatever they are. */
function withoutProse(value: unknown, areFields = false): unknown {
  if (Array.isArray(value)) return value.map((part) => withoutProse(part));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => areFields || !/^(description|default|x-kubernetes-patch-.*)$/.test(key));
  return Object.fromEntries(kept.map(([key, part]) => [key, withoutProse(part, !areFields && key === 'properties')]));
}
