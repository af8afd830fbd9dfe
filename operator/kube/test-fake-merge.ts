import { type Fields, isLeaf, unite, valueAt } from './fields.ts';
import type { KubeObject, ManagedFields } from './types.ts';

/**
 * How the fake API server merges and keeps book of who owns what: as the real one does for the fields that manifests of ours have, with
 * a list of what is keyed instead of schemas. What it knows is checked against the real one by the suite that runs on both.
 */

type Json = Record<string, unknown>;

const KEYS: Record<string, readonly string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  ownerReferences: ['uid'],
  conditions: ['type'],
};

function keysOf(name: string, list: readonly unknown[]): readonly string[] | undefined {
  if (name !== 'ports') return KEYS[name];
  const [first] = list as Json[];
  return first === undefined ? undefined : 'containerPort' in first ? ['containerPort', 'protocol'] : ['port', 'protocol'];
}

/** A port without a protocol is of TCP. */
function keyOf(item: Json, keys: readonly string[]): string {
  return `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key] ?? 'TCP'])))}`;
}

/** The set of all fields that a value names. */
function fieldsOf(value: unknown, name = ''): Fields {
  if (Array.isArray(value)) {
    const keys = keysOf(name, value);
    if (!keys) return {};
    return Object.fromEntries(value.map((item: Json) => [keyOf(item, keys), { '.': {}, ...fieldsOf(item) }]));
  }
  if (typeof value !== 'object' || value === null || name === 'selector' || name === 'nodeSelector' || name === 'spec.ingress') return {};
  const named = Object.entries(value).filter(([, member]) => member !== undefined && !(Array.isArray(member) && member.length === 0));
  return Object.fromEntries(named.map(([key, member]) => [`f:${key}`, fieldsOf(member, key)]));
}

const NOT_OWNED = new Set(['apiVersion', 'kind']);
const OWNED_METADATA = new Set(['labels', 'annotations', 'ownerReferences', 'finalizers']);

/** The fields of an object that can be owned. */
export function ownableOf(object: Json): Fields {
  const { metadata = {}, ...rest } = object as { metadata?: Json };
  const body = Object.fromEntries(Object.entries(rest).filter(([name]) => !NOT_OWNED.has(name)));
  const named = Object.fromEntries(Object.entries(metadata).filter(([name]) => OWNED_METADATA.has(name)));
  return fieldsOf({ ...body, ...(Object.keys(named).length > 0 ? { metadata: named } : {}) });
}

/** Both, and of what both name, the second's. */
export function merge(live: unknown, config: unknown, name = ''): unknown {
  if (Array.isArray(config)) {
    const keys = keysOf(name, config);
    if (!keys || !Array.isArray(live)) return config;
    const others = live.filter((item: Json) => !config.some((own: Json) => keyOf(own, keys) === keyOf(item, keys)));
    const own = config.map((item: Json) => merge(live.find((known: Json) => keyOf(known, keys) === keyOf(item, keys)) ?? {}, item));
    return [...own, ...others];
  }
  if (typeof config !== 'object' || config === null) return config;
  const before = typeof live === 'object' && live !== null && !Array.isArray(live) && name !== 'selector' ? (live as Json) : {};
  const merged: Json = { ...before };
  for (const [key, value] of Object.entries(config)) merged[key] = merge(before[key], value, key);
  return merged;
}

/** Without these fields; what has become empty by that goes too. */
export function remove(value: unknown, fields: Fields): unknown {
  if (Array.isArray(value)) {
    let list: unknown[] = value;
    for (const [key, below] of Object.entries(fields)) {
      const item = valueAt(value, key);
      if (item !== undefined)
        list =
          isLeaf(below) || '.' in below
            ? list.filter((other) => other !== item)
            : list.map((other) => (other === item ? remove(item, below) : other));
    }
    return list;
  }
  const rest: Json = { ...(value as Json) };
  for (const [key, below] of Object.entries(fields)) {
    const name = key.slice(2);
    if (!key.startsWith('f:') || !(name in rest)) continue;
    const member = isLeaf(below) ? undefined : remove(rest[name], below);
    if (member === undefined || Object.keys(member as object).length === 0) delete rest[name];
    else rest[name] = member;
  }
  return rest;
}

/** The fields of the first that the second has not. */
export function subtract(one: Fields, other: Fields): Fields {
  const left: Fields = {};
  for (const [key, below] of Object.entries(one)) {
    const there = other[key];
    if (there === undefined) left[key] = below;
    else if (!isLeaf(below)) {
      const deeper = subtract(below, there);
      if (!isLeaf(deeper)) left[key] = deeper;
    }
  }
  return left;
}

/** The fields in which two values differ, of those in the set. */
export function changed(fields: Fields, one: unknown, other: unknown): Fields {
  const found: Fields = {};
  for (const [key, below] of Object.entries(fields)) {
    if (key === '.') continue;
    const [a, b] = [valueAt(one, key), valueAt(other, key)];
    if (isLeaf(below)) {
      if (JSON.stringify(a) !== JSON.stringify(b)) found[key] = {};
    } else if (a === undefined || b === undefined) found[key] = below;
    else {
      const deeper = changed(below, a, b);
      if (!isLeaf(deeper)) found[key] = deeper;
    }
  }
  return found;
}

type Entry = Pick<ManagedFields, 'manager' | 'operation'> & { subresource?: string | undefined };

/** The books after a write: who wrote has these fields, and nobody else has what changed or is gone. */
export function keepBooks(before: KubeObject | undefined, after: Json, by: Entry, set: Fields): ManagedFields[] {
  const all = ownableOf(after);
  const differing = before === undefined ? {} : changed(all, before, after);
  const isBy = (entry: ManagedFields) =>
    entry.manager === by.manager && entry.operation === by.operation && entry.subresource === by.subresource;
  const kept = (before?.metadata.managedFields ?? []).map((entry) => {
    const own = entry.fieldsV1 as Fields;
    if (isBy(entry)) return { ...entry, fieldsV1: by.operation === 'Apply' ? set : unite(present(own, all), set) };
    return { ...entry, fieldsV1: present(subtract(own, differing), all) };
  });
  if (!kept.some(isBy) && !isLeaf(set)) {
    const { subresource, ...who } = by;
    kept.push({
      ...who,
      ...(subresource ? { subresource } : {}),
      apiVersion: String(after['apiVersion']),
      fieldsType: 'FieldsV1',
      fieldsV1: set,
    });
  }
  return kept.filter(({ fieldsV1 }) => !isLeaf(fieldsV1 as Fields));
}

function present(fields: Fields, all: Fields): Fields {
  return subtract(fields, subtract(fields, all));
}
