import type { Manifest } from '@starling/cdk8s/parts';
import { describePath, type Fields, isLeaf, valueAt } from './fields.ts';
import { findForeign, ownFields, type Whose } from './foreign.ts';
import { isSameQuantity } from './quantity.ts';
import type { KubeObject } from './types.ts';

/** One field in which an object is not what it should be. */
export interface Drift {
  /** `spec.template.spec.containers[name=web].env[name=A].value`. */
  path: string;
  /**
   * `differs`: the live value is another, or absent. `taken`: the value is right, or a zero that the API leaves out, but it is no longer
   * ours: others wrote it since.
   * `stale`: we set it once and want it no more. `foreign`: others added it.
   */
  cause: 'differs' | 'taken' | 'stale' | 'foreign';
  /** Of `foreign`: the field manager that added it. */
  manager?: string;
}

/** Fields of the metadata that a manifest says something about beside the object's name. */
const COMPARED_METADATA = ['labels', 'annotations', 'ownerReferences', 'finalizers'];

/**
 * In what a live object is not as desired. What the API and others fill in where the manifest says nothing is no drift: defaults belong
 * to nobody in managedFields. Values that the API leaves out because they are a type's zero (`false`, `0`, `""`, `{}`, `[]`) are there
 * if we own the field, and quantities are compared as amounts. Lists are compared as the API merges them, which the fields that we own
 * tell: by keys, as sets, or as a whole; so no schema is needed, also not for custom resources.
 */
export function findDrift(desired: Manifest, live: KubeObject, whose: Whose): Drift[] {
  const drift: Drift[] = [];
  const own = ownFields(live, whose.manager);

  function compare(wanted: unknown, found: unknown, owned: Fields | undefined, keys: string[]): void {
    if (owned === undefined) {
      if (isEmpty(wanted) && isEmpty(found)) return;
      drift.push({ path: describePath(keys), cause: found !== undefined && covers(wanted, found, keys) ? 'taken' : 'differs' });
    } else if (isLeaf(owned) || typeof wanted !== 'object' || wanted === null) {
      if (!covers(wanted, found, keys)) drift.push({ path: describePath(keys), cause: 'differs' });
    } else if (Array.isArray(wanted)) compareList(wanted, found, owned, keys);
    else compareObject(wanted as Record<string, unknown>, found, owned, keys);
  }

  function compareObject(wanted: Record<string, unknown>, found: unknown, owned: Fields, keys: string[]): void {
    for (const [name, value] of Object.entries(wanted)) {
      const key = `f:${name}`;
      if (value !== undefined && value !== null) compare(value, valueAt(found, key), owned[key], [...keys, key]);
    }
    tellStale(wanted, owned, keys);
  }

  function compareList(wanted: unknown[], found: unknown, owned: Fields, keys: string[]): void {
    const ofItem = new Map<unknown, string>();
    for (const key of Object.keys(owned)) {
      const item = key === '.' ? undefined : valueAt(wanted, key);
      if (item !== undefined) ofItem.set(item, key);
    }
    const places: number[] = [];
    for (const [index, item] of wanted.entries()) {
      const key = ofItem.get(item);
      if (key === undefined) {
        drift.push({ path: `${describePath(keys)}[${index}]`, cause: 'differs' });
        continue;
      }
      const live = valueAt(found, key);
      if (Array.isArray(found) && live !== undefined) places.push(found.indexOf(live));
      if (key.startsWith('v:')) {
        if (live === undefined) drift.push({ path: describePath([...keys, key]), cause: 'differs' });
      } else compare(item, live, owned[key], [...keys, key]);
    }
    // The order of containers and variables has a meaning, and changing it changes no one's ownership.
    if (places.some((place, index) => index > 0 && place < (places[index - 1] ?? 0)))
      drift.push({ path: describePath(keys), cause: 'differs' });
    tellStale(wanted, owned, keys);
  }

  function tellStale(wanted: unknown, owned: Fields, keys: string[]): void {
    for (const key of Object.keys(owned)) {
      if (key === '.') continue;
      const value = valueAt(wanted, key);
      if (value === undefined || value === null) drift.push({ path: describePath([...keys, key]), cause: 'stale' });
    }
  }

  compareObject(comparedPart(desired), live, own ?? {}, []);
  for (const { keys, manager } of findForeign(desired, live, whose)) drift.push({ path: describePath(keys), cause: 'foreign', manager });
  return drift;
}

function comparedPart(desired: Manifest): Record<string, unknown> {
  const { apiVersion: _, kind: __, metadata, status: ___, ...rest } = desired;
  const named = Object.entries(metadata).filter(([name]) => COMPARED_METADATA.includes(name));
  return named.length > 0 ? { metadata: Object.fromEntries(named), ...rest } : rest;
}

/** Whether all that is wanted is there; lists as a whole. */
function covers(wanted: unknown, found: unknown, keys: readonly string[]): boolean {
  if (found === undefined || found === null) return isZero(wanted);
  if (Array.isArray(wanted))
    return (
      Array.isArray(found) && wanted.length === found.length && wanted.every((item, index) => covers(item, found[index], [...keys, 'v:0']))
    );
  if (typeof wanted === 'object' && wanted !== null)
    return (
      typeof found === 'object' &&
      Object.entries(wanted).every(([name, value]) => covers(value, valueAt(found, `f:${name}`), [...keys, `f:${name}`]))
    );
  return wanted === found || (isQuantity(keys) && isSameQuantity(wanted, found));
}

function isZero(value: unknown): boolean {
  return value === undefined || value === false || value === 0 || value === '' || isEmpty(value);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

const AMOUNTS_IN = new Set(['f:requests', 'f:limits', 'f:hard', 'f:capacity', 'f:overhead']);
const AMOUNTS = new Set(['f:averageValue', 'f:sizeLimit', 'f:divisor']);

function isQuantity(keys: readonly string[]): boolean {
  const [parent = '', last = ''] = keys.slice(-2);
  return AMOUNTS_IN.has(parent) || AMOUNTS.has(last) || (last === 'f:value' && parent === 'f:target');
}
