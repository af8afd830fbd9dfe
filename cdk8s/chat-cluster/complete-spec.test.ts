import { Check } from 'typebox/value';
import { expect, it } from 'vitest';
import { completeSpec } from './complete-spec.ts';
import { renderCustomResource } from './custom-resource.ts';
import { ChatClusterSpec } from './spec.ts';

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  default?: unknown;
}

const versions = (renderCustomResource()['spec'] as { versions: { schema: { openAPIV3Schema: Schema } }[] }).versions;
const spec = versions[0]?.schema.openAPIV3Schema.properties?.['spec'] ?? {};

/** As the API server fills in defaults: from the outside in, where a field is absent or null. */
function fillIn(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) return value.map((item) => fillIn(item, schema.items ?? {}));
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = { ...value };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const given = result[name] ?? structuredClone(property.default);
    if (given !== undefined) result[name] = fillIn(given, property);
  }
  return result;
}

const external = { host: 'db', database: 'd', administrator: { name: 'a' }, authority: { name: 'a', key: 'k' } };

it.each([
  ['the least', { host: 'chat.example.com' }],
  ['empty sections', { host: 'a', autoscaling: {}, data: {}, ingress: {} }],
  ['one variant', { host: 'a', data: { postgres: { external } } }],
  ['an empty variant', { host: 'a', data: { log: { builtin: {} } } }],
  ['half a section', { host: 'a', log: { retentionDays: 3 }, data: { postgres: { builtin: { storage: { className: 'fast' } } } } }],
])('fills in %s as the Kubernetes API does', (_, written) => {
  const complete = completeSpec(written);
  expect(complete).toEqual(fillIn(written, spec));
  expect(Check(ChatClusterSpec, complete)).toBe(true);
});

it('leaves what is written, and its author’s object', () => {
  const written = { host: 'a', autoscaling: { minReplicas: 7 } };
  expect(completeSpec(written).autoscaling).toMatchObject({ minReplicas: 7, maxReplicas: 10 });
  expect(written).toEqual({ host: 'a', autoscaling: { minReplicas: 7 } });
});

it('chooses the built-in database and log, which are not replaced where another is chosen', () => {
  expect(completeSpec({ host: 'a' }).data.postgres).toEqual({ builtin: { storage: { size: '10Gi', retention: 'Retain' } } });
  expect(Object.keys(completeSpec({ host: 'a', data: { postgres: { external } } }).data.postgres)).toEqual(['external']);
});
