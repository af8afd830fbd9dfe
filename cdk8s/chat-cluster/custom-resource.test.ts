import { expect, it } from 'vitest';
import { renderCustomResource } from './custom-resource.ts';

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  pattern?: string;
  required?: string[];
  maxItems?: number;
  maxLength?: number;
  maxProperties?: number;
  minimum?: number;
  maximum?: number;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-validations'?: { rule: string; message: string; fieldPath?: string }[];
}

const root = (renderCustomResource()['spec'] as { versions: { schema: { openAPIV3Schema: Schema } }[] }).versions[0]?.schema
  .openAPIV3Schema as Schema;

/** Every schema below, with its path. */
function walk(schema: Schema, path: string): [path: string, schema: Schema][] {
  return [
    [path, schema],
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) => walk(property, `${path}.${name}`)),
    ...(schema.items ? walk(schema.items, `${path}[]`) : []),
    ...(schema.additionalProperties ? walk(schema.additionalProperties, `${path}[]`) : []),
  ];
}

const spec = walk(root.properties?.['spec'] ?? {}, 'spec');
const status = walk(root.properties?.['status'] ?? {}, 'status');
const pathsOf = (schemas: [string, Schema][], is: (schema: Schema, path: string) => boolean) =>
  schemas.filter(([path, schema]) => is(schema, path)).map(([path]) => path);

it('is structural: each schema has a type, and an object has either named or free fields', () => {
  const untyped = pathsOf([...spec, ...status], ({ type }) => !['object', 'array', 'string', 'integer', 'boolean'].includes(type ?? ''));
  const mixed = pathsOf(
    [...spec, ...status],
    ({ properties, additionalProperties }) => properties !== undefined && additionalProperties !== undefined,
  );
  expect({ untyped, mixed }).toEqual({ untyped: [], mixed: [] });
});

it('bounds each list, map, string and number', () => {
  const unbounded = pathsOf(spec, (schema) => {
    if (schema.enum) return false;
    if (schema.type === 'array') return schema.maxItems === undefined;
    if (schema.type === 'string') return schema.maxLength === undefined;
    if (schema.type === 'integer') return schema.minimum === undefined || schema.maximum === undefined;
    return schema.additionalProperties !== undefined && schema.maxProperties === undefined;
  });
  expect(unbounded).toEqual([]);
  expect(
    pathsOf(
      status,
      ({ type, maxItems, maxLength, enum: values }) => !values && ((type === 'array' && !maxItems) || (type === 'string' && !maxLength)),
    ),
  ).toEqual([]);
});

it('says of each list how it merges, and of each field what it is', () => {
  expect(pathsOf([...spec, ...status], (schema) => schema.type === 'array' && schema['x-kubernetes-list-type'] === undefined)).toEqual([]);
  expect(pathsOf([...spec, ...status], (schema, path) => schema.description === undefined && !path.endsWith('[]'))).toEqual([]);
});

it('lets no reference leave the namespace of its ChatCluster', () => {
  // The one place with the word says whose pods may come in; nothing is read there.
  expect(pathsOf(spec, (_, path) => /namespace/i.test(path))).toEqual(['spec.ingress.controllerNamespace']);
});

it('closes each pattern at both ends', () => {
  const open = pathsOf(spec, ({ pattern }) => pattern !== undefined && !(pattern.startsWith('^') && pattern.endsWith('$')));
  expect(open).toEqual([]);
});

it('requires nothing that has a default', () => {
  const both = pathsOf(spec, ({ required = [], properties = {} }) => required.some((name) => properties[name]?.default !== undefined));
  expect(both).toEqual([]);
  expect(root.properties?.['spec']?.required).toEqual(['host']);
});

it('names in each message of a rule the field at fault', () => {
  const rules = spec.flatMap(([path, schema]) => (schema['x-kubernetes-validations'] ?? []).map((rule) => ({ path, ...rule })));
  expect(rules.length).toBeGreaterThan(20);
  const nameless = rules.filter(({ path, message, fieldPath = '' }) => {
    const field = `${path}${fieldPath}`.replaceAll('[]', '').split('.').at(-1) ?? '';
    return !message.includes(field);
  });
  expect(nameless).toEqual([]);
});
