import type { KubeConnection } from './connect.ts';
import { resourceOf } from './resources.ts';
import { createObjectStore, isOlder, type StoredObject } from './stored-object.ts';
import type { Time } from './time.ts';
import type { KubeError, KubeObject, ObjectCache, ObjectReference, Resource } from './types.ts';
import { startWatch, type Watch } from './watch.ts';

/** What to hold of a kind. */
export interface WatchedKind {
  resource: Resource;
  labelSelector?: string;
  /** Only in these namespaces; absent: those of the cache. Not used of kinds without namespaces. */
  namespaces?: readonly string[];
}

/** A cache that is told of what was just written, so that it is not behind its own process. */
export interface ObservingCache extends ObjectCache {
  /** Holds the object from now on, unless it holds a newer state of it. */
  observe(object: KubeObject): void;
}

export interface WatchingCache extends ObservingCache {
  /** Resolves when all lists have come in once, or when it is stopped before. */
  whenSynced(): Promise<void>;
  stop(): Promise<void>;
}

export interface CacheOptions {
  kinds: readonly WatchedKind[];
  /** Absent: all of them, by one watch a kind. */
  namespaces?: readonly string[] | undefined;
  time?: Time | undefined;
  /** A watch that is silent for longer than this is begun again, ms. */
  idleMs?: number | undefined;
  /** Each change, once the cache has it. `deleted`: the object as it was last. */
  onChange?: ((object: KubeObject, change: 'changed' | 'deleted') => void) | undefined;
  /** A watch or list failed, and is tried again. */
  onWatchError?: ((resource: Resource, error: KubeError) => void) | undefined;
  /** A watch begins; `list`: with a list before it. */
  onWatchStart?: ((resource: Resource, by: 'list' | 'watch') => void) | undefined;
}

/** Of one kind, by namespace and name. */
type Shelf = Map<string, Map<string, StoredObject>>;

/** Starts to hold all objects of some kinds. `get` and `list` throw for a kind that is not among them. */
export function watchObjects(connection: KubeConnection, options: CacheOptions): WatchingCache {
  const { kinds, namespaces, time, idleMs, onChange, onWatchError, onWatchStart } = options;
  const shelves = new Map<string, Shelf>(kinds.map(({ resource }) => [shelfName(resource), new Map()]));
  const { store, restore } = createObjectStore();
  const unlisted = new Set<number>();
  let tellSynced = () => {};
  const synced = new Promise<void>((resolve) => {
    tellSynced = resolve;
  });

  function shelfOf(resource: Resource): Shelf {
    const shelf = shelves.get(shelfName(resource));
    if (!shelf) throw new Error(`${resource.plural} are not watched; add the kind to those of the cache`);
    return shelf;
  }

  function put(resource: Resource, object: KubeObject): void {
    const shelf = shelfOf(resource);
    const { name, namespace = '', resourceVersion } = object.metadata;
    const held = shelf.get(namespace)?.get(name);
    if (held && (held.resourceVersion === resourceVersion || isOlder(resourceVersion, held.resourceVersion))) return;
    const inNamespace = shelf.get(namespace) ?? new Map<string, StoredObject>();
    shelf.set(namespace, inNamespace.set(name, store(object)));
    onChange?.(object, 'changed');
  }

  /** Unless the object of that name is a newer one. */
  function drop(resource: Resource, namespace: string, name: string, resourceVersion: string): void {
    const shelf = shelfOf(resource);
    const inNamespace = shelf.get(namespace);
    const held = inNamespace?.get(name);
    if (!held || isOlder(resourceVersion, held.resourceVersion)) return;
    inNamespace?.delete(name);
    if (inNamespace?.size === 0) shelf.delete(namespace);
    onChange?.(restore(held), 'deleted');
  }

  /** Of one namespace, or of all. */
  function dropUnlisted(resource: Resource, of: string | undefined, listed: ReadonlySet<string>, resourceVersion: string): void {
    for (const [namespace, inNamespace] of [...shelfOf(resource)]) {
      if (of !== undefined && of !== namespace) continue;
      for (const name of [...inNamespace.keys()]) if (!listed.has(`${namespace}/${name}`)) drop(resource, namespace, name, resourceVersion);
    }
  }

  const places = kinds.flatMap((kind) => {
    const within = kind.resource.namespaced ? (kind.namespaces ?? namespaces) : undefined;
    return (within ?? [undefined]).map((namespace) => ({ ...kind, namespace }));
  });
  for (const index of places.keys()) unlisted.add(index);
  const watches: Watch[] = places.map(({ resource, labelSelector, namespace }, index) =>
    startWatch(connection, {
      resource,
      namespace,
      labelSelector,
      time,
      idleMs,
      onPage(objects) {
        for (const object of objects) put(resource, object);
      },
      onListed(names, resourceVersion) {
        dropUnlisted(resource, namespace, names, resourceVersion);
        unlisted.delete(index);
        if (unlisted.size === 0) tellSynced();
      },
      onChange(object, type) {
        const { namespace: at = '', name, resourceVersion } = object.metadata;
        if (type === 'DELETED') drop(resource, at, name, resourceVersion);
        else put(resource, object);
      },
      onError: (error) => onWatchError?.(resource, error),
      onStart: (by) => onWatchStart?.(resource, by),
    }),
  );

  return {
    get({ resource, namespace = '', name }: ObjectReference) {
      const held = shelfOf(resource).get(namespace)?.get(name);
      return held && restore(held);
    },
    list(resource, { namespace, labels = {} } = {}) {
      const shelf = shelfOf(resource);
      const wanted = Object.entries(labels);
      const found: KubeObject[] = [];
      for (const inNamespace of namespace === undefined ? shelf.values() : [shelf.get(namespace)])
        for (const held of inNamespace?.values() ?? [])
          if (wanted.every(([name, value]) => held.labels[name] === value)) found.push(restore(held));
      return found;
    },
    get synced() {
      return unlisted.size === 0;
    },
    observe: (object) => put(resourceOf(object), object),
    whenSynced: () => synced,
    async stop() {
      await Promise.all(watches.map((watch) => watch.stop()));
      tellSynced();
    },
  };
}

function shelfName({ apiVersion, kind }: { apiVersion: string; kind: string }): string {
  return `${apiVersion} ${kind}`;
}
