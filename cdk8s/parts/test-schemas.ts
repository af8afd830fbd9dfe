import { readdirSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import type { Manifest } from './input.ts';

const FOLDER = new URL('../golden/kubernetes-schemas/', import.meta.url);

type Schema = Record<string, unknown>;

/** Judges manifests as a Kubernetes API does that knows every field: one that it does not know is an error. */
export function createSchemaJudge(): (manifest: Manifest) => string[] {
  const schemas: Record<string, Schema> = {};
  for (const file of readdirSync(FOLDER)) Object.assign(schemas, JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')));
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: 'kubernetes', components: { schemas: closed(schemas) } });
  const compiled = new Map<string, ValidateFunction>();
  return (manifest) => {
    const name = nameOf(schemas, manifest);
    if (name === undefined) return [`no schema is recorded of ${manifest.apiVersion} ${manifest.kind}`];
    const validate = compiled.get(name) ?? ajv.compile({ $ref: `kubernetes#/components/schemas/${name}` });
    compiled.set(name, validate);
    validate(manifest);
    return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
  };
}

function nameOf(schemas: Record<string, Schema>, { apiVersion, kind }: Manifest): string | undefined {
  const [version, group = ''] = apiVersion.split('/').reverse();
  return Object.keys(schemas).find((name) => {
    const known = schemas[name]?.['x-kubernetes-group-version-kind'] as { group: string; version: string; kind: string }[] | undefined;
    return known?.some((one) => one.group === group && one.version === version && one.kind === kind);
  });
}

/** The server leaves it open whether there may be other fields; here there may not. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, closed(part)]));
  return 'properties' in value && !('additionalProperties' in value) ? { ...parts, additionalProperties: false } : parts;
}
