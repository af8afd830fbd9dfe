import { Default } from 'typebox/value';

/** A schema as CustomResourceDefinitions know it. */
export type StructuralSchema = { [keyword: string]: unknown };

/** Keywords that mean the same in both. */
const KEPT = new Set([
  'description',
  'format',
  'maxItems',
  'maxLength',
  'maxProperties',
  'maximum',
  'minItems',
  'minLength',
  'minProperties',
  'minimum',
  'pattern',
  'type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-validations',
]);

/**
 * Turns a schema of TypeBox into a structural one. `additionalProperties: false` goes, since the API drops unknown fields
 * by itself, and refuses them where it is asked to be strict. Throws, with the path, on a keyword that has no counterpart:
 * better no definition than one that checks less than the schema says.
 */
export function toStructuralSchema(schema: object, path = ''): StructuralSchema {
  const result: StructuralSchema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (KEPT.has(keyword)) result[keyword] = value;
    else if (keyword === 'required') Object.assign(result, requireOthers(value as string[], schema));
    // The API tries the rules on a default as it is written, before it would fill in those of its fields.
    else if (keyword === 'default') result['default'] = Default(schema, structuredClone(value));
    else Object.assign(result, convert(keyword, value, path));
  }
  return result;
}

/** What has a default is always there: nobody must write it. */
function requireOthers(names: string[], schema: { properties?: Record<string, object> }): StructuralSchema {
  const required = names.filter((name) => !('default' in (schema.properties?.[name] ?? {})));
  return required.length === 0 ? {} : { required };
}

function convert(keyword: string, value: unknown, path: string): StructuralSchema {
  switch (keyword) {
    case 'properties':
      return {
        properties: Object.fromEntries(
          Object.entries(value as Record<string, object>).map(([name, property]) => [
            name,
            toStructuralSchema(property, `${path}.${name}`),
          ]),
        ),
      };
    case 'items':
      return { items: toStructuralSchema(value as object, `${path}[]`) };
    case 'patternProperties': {
      const [values, ...others] = Object.values(value as Record<string, object>);
      if (values === undefined || others.length > 0) throw new Error(`The schema of ${path} must have one kind of values: use one record.`);
      return { additionalProperties: toStructuralSchema(values, `${path}[]`) };
    }
    case 'enum':
      return { type: typeOf(value as unknown[], path), enum: value };
    case 'anyOf':
      return enumeration(value as object[], path);
    case 'additionalProperties':
      if (value === false) return {};
  }
  throw new Error(`The schema of ${path || 'the whole'} has the keyword ${keyword}, which a structural schema has not: say it otherwise.`);
}

/** A union of constants; others are not structural. */
function enumeration(variants: object[], path: string): StructuralSchema {
  const values = variants.map((variant) => {
    if (!('const' in variant))
      throw new Error(`The schema of ${path} is a union of more than constants: use one object with optional fields.`);
    return variant.const;
  });
  return { type: typeOf(values, path), enum: values };
}

function typeOf(values: unknown[], path: string): string {
  const types = new Set(values.map((value) => (Number.isInteger(value) ? 'integer' : typeof value)));
  const [type, ...others] = types;
  if (others.length > 0 || (type !== 'string' && type !== 'integer')) {
    throw new Error(`The values of ${path} must be all strings or all integers.`);
  }
  return type;
}
