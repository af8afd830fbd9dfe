import type { KubeObject, ManagedFields } from './types.ts';

/** What is needed of an object, as JSON: few objects are read at a time, and text takes a fifth of the memory. */
export interface StoredObject {
  uid: string;
  resourceVersion: string;
  /** Shared by all objects with the same ones. */
  labels: Record<string, string>;
  /** Without managedFields. */
  json: string;
  /** Its managedFields as JSON; shared, too: of the same kind they are the same in every cluster. */
  managedFields: string | undefined;
}

/** Texts, and what was made of them; forgotten as a whole when they are too many. */
const MAX_SHARED = 10_000;

export interface ObjectStore {
  store(object: KubeObject): StoredObject;
  restore(stored: StoredObject): KubeObject;
}

export function createObjectStore(): ObjectStore {
  const texts = new Map<string, string>();
  const labelSets = new Map<string, Record<string, string>>();

  return {
    store(object) {
      const { managedFields, ...metadata } = object.metadata;
      const { uid, resourceVersion, labels = {} } = metadata;
      const needed = object.kind === 'Pod' ? neededOfPod(object) : object;
      const judged = object.kind === 'Pod' ? undefined : managedFields && JSON.stringify(judgedOf(managedFields));
      return {
        uid,
        resourceVersion,
        labels: share(labelSets, JSON.stringify(labels), () => labels),
        json: JSON.stringify({ ...needed, metadata }),
        managedFields: judged && share(texts, judged, () => judged),
      };
    },
    restore({ json, managedFields }) {
      const object = JSON.parse(json) as KubeObject;
      if (managedFields !== undefined) object.metadata.managedFields = JSON.parse(managedFields) as ManagedFields[];
      return object;
    },
  };
}

function share<T>(pool: Map<string, T>, text: string, make: () => T): T {
  const known = pool.get(text);
  if (known !== undefined) return known;
  if (pool.size >= MAX_SHARED) pool.clear();
  const made = make();
  pool.set(text, made);
  return made;
}

/** Versions of one API server's objects grow; what is not a number is told apart by nothing but being another. */
export function isOlder(one: string, other: string): boolean {
  if (!isNumber(one) || !isNumber(other)) return false;
  return one.length === other.length ? one < other : one.length < other.length;
}

function isNumber(version: string): boolean {
  return /^[1-9][0-9]*$/.test(version);
}

function judgedOf(managedFields: ManagedFields[]): ManagedFields[] {
  return managedFields.filter(({ subresource }) => subresource !== 'status').map(({ time: _, ...entry }) => entry);
}

function neededOfPod(pod: KubeObject): KubeObject {
  const { containers = [], nodeName } = (pod['spec'] ?? {}) as { containers?: { name: string; image: string }[]; nodeName?: string };
  return { ...pod, spec: { nodeName, containers: containers.map(({ name, image }) => ({ name, image })) } };
}
