import type { Manifest } from '@starling/cdk8s/parts';
import { type Fields, isLeaf, unite, valueAt } from './fields.ts';
import type { KubeObject, ManagedFields } from './types.ts';

export interface Whose {
  /** The field manager that we apply as. */
  manager: string;
  /** Field managers whose additions stay. */
  allowForeign: readonly string[];
}

/** A field that another manager added: its keys as in a set of fields. */
export interface ForeignField {
  keys: string[];
  manager: string;
}

/** What our applies own of it; undefined if nothing. */
export function ownFields(object: KubeObject, manager: string): Fields | undefined {
  return object.metadata.managedFields?.find((entry) => isOwn(entry, manager))?.fieldsV1 as Fields | undefined;
}

/** The fields that others added to what we want of an object and that have no business there, the topmost of each branch. */
export function findForeign(desired: Manifest, live: KubeObject, whose: Whose): ForeignField[] {
  const own = ownFields(live, whose.manager) ?? {};
  const found: ForeignField[] = [];
  for (const entry of live.metadata.managedFields ?? []) {
    if (!isJudged(entry, whose)) continue;
    const walk = (fields: Fields, ours: Fields | undefined, wanted: unknown, keys: string[]) => {
      for (const [key, below] of Object.entries(fields)) {
        if (key === '.') continue;
        const at = [...keys, key];
        const value = valueAt(wanted, key);
        if (!isOfConcern(at) || isExempt(at, entry, desired)) continue;
        const added = value === undefined && ours?.[key] === undefined;
        // Of an item, or a field without members, there is nothing more to tell.
        if (added && (isLeaf(below) || !key.startsWith('f:'))) found.push({ keys: at, manager: entry.manager });
        else if (!isLeaf(below)) walk(below, ours?.[key], value, at);
      }
    };
    walk(entry.fieldsV1 as Fields, own, desired, []);
  }
  return found;
}

/**
 * The managedFields in which all that others own of the object's matter is ours, so that our next apply, which does not name what they
 * added, removes it. What is exempt stays theirs.
 */
export function takeOverFields(desired: Manifest, live: KubeObject, whose: Whose): ManagedFields[] {
  const entries = live.metadata.managedFields ?? [];
  let own = ownFields(live, whose.manager) ?? {};
  const others: ManagedFields[] = [];
  for (const entry of entries) {
    if (isOwn(entry, whose.manager)) continue;
    if (!isJudged(entry, whose)) {
      others.push(entry);
      continue;
    }
    const { kept, moved } = split(entry.fieldsV1 as Fields, [], entry, desired);
    own = unite(own, moved);
    if (!isLeaf(kept)) others.push({ ...entry, fieldsV1: kept });
  }
  const before = entries.find((entry) => isOwn(entry, whose.manager));
  const { manager } = whose;
  const ours = before ?? { manager, operation: 'Apply', apiVersion: desired.apiVersion, fieldsType: 'FieldsV1' };
  return [{ ...ours, fieldsV1: own }, ...others];
}

function split(fields: Fields, keys: string[], entry: ManagedFields, desired: Manifest): { kept: Fields; moved: Fields } {
  const kept: Fields = {};
  const moved: Fields = {};
  for (const [key, below] of Object.entries(fields)) {
    const at = [...keys, key];
    if (key === '.') moved[key] = below;
    else if (!isOfConcern(at) || isExempt(at, entry, desired)) kept[key] = below;
    else if (isLeaf(below)) moved[key] = below;
    else {
      const parts = split(below, at, entry, desired);
      if (!isLeaf(parts.kept)) kept[key] = parts.kept;
      if (!isLeaf(parts.moved)) moved[key] = parts.moved;
    }
  }
  return { kept, moved };
}

function isOwn(entry: ManagedFields, manager: string): boolean {
  return entry.manager === manager && entry.operation === 'Apply' && entry.subresource === undefined;
}

function isJudged(entry: ManagedFields, { manager, allowForeign }: Whose): boolean {
  return !isOwn(entry, manager) && entry.subresource !== 'status' && !allowForeign.includes(entry.manager);
}

const CONCERN_IN_METADATA = new Set(['f:labels', 'f:annotations', 'f:ownerReferences']);

function isOfConcern([first, second]: readonly string[]): boolean {
  if (first === 'f:metadata') return second === undefined || CONCERN_IN_METADATA.has(second);
  return first !== 'f:status';
}

/** What Kubernetes' own controllers write beside the status, by kind. */
const CONTROLLERS_ANNOTATIONS: Record<string, readonly string[]> = {
  Deployment: ['deployment.kubernetes.io/'],
  PersistentVolumeClaim: ['pv.kubernetes.io/', 'volume.kubernetes.io/', 'volume.beta.kubernetes.io/'],
  Job: ['batch.kubernetes.io/'],
};
const CONTROLLERS = new Set(['kube-controller-manager', 'kube-scheduler', 'cloud-controller-manager']);

function isExempt(keys: readonly string[], entry: ManagedFields, desired: Manifest): boolean {
  const [first, second, third] = keys;
  if (first === 'f:spec' && second === 'f:replicas' && keys.length === 2)
    // Unless we want a number of our own, it is the autoscaler's.
    return valueAt(desired['spec'], 'f:replicas') === undefined;
  if (first === 'f:spec' && second === 'f:volumeName') return desired.kind === 'PersistentVolumeClaim';
  if (first !== 'f:metadata' || second !== 'f:annotations' || third === undefined || !CONTROLLERS.has(entry.manager)) return false;
  return (CONTROLLERS_ANNOTATIONS[desired.kind] ?? []).some((prefix) => third.startsWith(`f:${prefix}`));
}
