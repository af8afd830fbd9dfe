import type { Manifest } from '@starling/cdk8s/parts';
import { FakeClock } from '@starling/testing/clock';
import { pino } from 'pino';
import {
  createApplier,
  type EventText,
  type KubeClient,
  KubeError,
  type KubeObject,
  type ManagedFields,
  type ObjectReference,
  type ObservingCache,
  RESOURCES,
  type Resource,
  resourceOf,
} from '../kube/index.ts';
import type { InstallationOptions, Tools } from './work.ts';

type Tree = Record<string, unknown>;

/**
 * The Kubernetes API in memory, with a cache that is never behind. Server-side apply as far as the phases need it: each
 * manager's fields are its own, lists are taken as a whole, and what nobody applies any more is removed. No controllers:
 * tests play them.
 */
export class FakeCluster {
  readonly clock = new FakeClock();
  /** Each write that changed something: `apply Deployment chat-web`. */
  readonly writes: string[] = [];
  /** Each request, reads too. */
  requests = 0;
  readonly events: EventText[] = [];
  /** Called before each write; it may throw. */
  beforeWrite: (write: string) => void = () => {};
  readonly #objects = new Map<string, KubeObject>();
  readonly #applied = new Map<string, Map<string, Tree>>();
  #count = 0;

  readonly client: KubeClient = {
    get: async (reference) => {
      this.requests += 1;
      return this.get(reference);
    },
    list: async (resource, options = {}) => this.list(resource, options),
    create: async (manifest) => this.#create(manifest),
    apply: async (manifest, { manager, subresource }) => this.#apply(manifest, manager, subresource),
    patch: async (reference, body, options) => this.#patch(reference, body as Tree, options?.manager ?? 'starling'),
    delete: async (reference, options) => this.#delete(reference, options?.uid),
    request: async (method, path) => {
      this.requests += 1;
      if (path.endsWith('/clusterroles/starling-operator')) return { metadata: { uid: 'uid-of-role' } };
      throw new KubeError(`${method} ${path}: not found`, { status: 404, reason: 'NotFound' });
    },
  };

  readonly cache: ObservingCache = {
    get: (reference) => this.get(reference),
    list: (resource, options) => this.list(resource, options ?? {}),
    synced: true,
    observe: () => {},
  };

  tools(options: Partial<InstallationOptions> = {}): Tools {
    const { client, cache, clock } = this;
    return {
      client,
      cache,
      clock,
      applier: createApplier({ client, cache, manager: 'starling' }),
      events: { record: (_regarding, event) => void this.events.push(event), settled: async () => {} },
      logger: pino({ level: 'silent' }),
      metrics: { countDrift: () => {} },
      memory: { connectionsWrittenAt: new Map(), growthRefused: new Map() },
      options: {
        image: 'localhost/starling',
        version: '1.0.0',
        redpandaImage: 'localhost/redpanda:1',
        postgresImage: 'localhost/postgres:1',
        operatorNamespace: 'starling-system',
        metricsApi: true,
        keda: false,
        ...options,
      },
    };
  }

  get(reference: ObjectReference): KubeObject | undefined {
    return this.#objects.get(keyOf(reference));
  }

  /** The object of the kind and name in the namespace `team`; throws when it is not there. */
  find(kind: keyof typeof RESOURCES, name: string): KubeObject {
    const found = this.get({ resource: RESOURCES[kind], name, namespace: RESOURCES[kind].namespaced ? 'team' : undefined });
    if (!found) throw new Error(`there is no ${kind} ${name}`);
    return found;
  }

  list(resource: Resource, { namespace, labels = {} }: { namespace?: string | undefined; labels?: Record<string, string> }): KubeObject[] {
    return [...this.#objects.values()].filter(
      ({ apiVersion, kind, metadata }) =>
        apiVersion === resource.apiVersion &&
        kind === resource.kind &&
        (namespace === undefined || metadata.namespace === namespace) &&
        Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value),
    );
  }

  /** As somebody else puts an object there, or changes one; no write of ours. */
  put(manifest: Manifest & { status?: unknown }): KubeObject {
    const key = keyOf(referenceTo(manifest));
    const held = this.#objects.get(key);
    return this.#store(key, { ...structuredClone(held ?? {}), ...structuredClone(manifest) } as unknown as KubeObject, held);
  }

  /** As somebody else changes an object in place. */
  edit(kind: keyof typeof RESOURCES, name: string, change: (object: KubeObject) => void): KubeObject {
    const object = structuredClone(this.find(kind, name));
    change(object);
    return this.put(object);
  }

  /** As somebody else deletes an object, with what it owns. */
  remove(kind: keyof typeof RESOURCES, name: string): void {
    this.#drop(keyOf({ resource: RESOURCES[kind], name, namespace: RESOURCES[kind].namespaced ? 'team' : undefined }));
  }

  #create(manifest: Manifest): KubeObject {
    const key = keyOf(referenceTo(manifest));
    this.#write(`create ${manifest.kind} ${manifest.metadata.name}`);
    if (this.#objects.has(key)) throw new KubeError('it is there already', { status: 409, reason: 'AlreadyExists' });
    this.#managers(key).set('starling Update', treeOf(manifest));
    return this.#store(key, structuredClone(manifest) as KubeObject, undefined);
  }

  #apply(manifest: Manifest, manager: string, subresource: string | undefined): KubeObject {
    const key = keyOf(referenceTo(manifest));
    const held = this.#objects.get(key);
    const { uid, resourceVersion } = manifest.metadata as Partial<KubeObject['metadata']>;
    if ((subresource || resourceVersion) && !held) throw new KubeError('not found', { status: 404, reason: 'NotFound' });
    if ((uid && uid !== held?.metadata.uid) || (resourceVersion && resourceVersion !== held?.metadata.resourceVersion))
      throw new KubeError('it was changed', { status: 409, reason: 'Conflict' });
    this.#write(`apply ${manifest.kind} ${manifest.metadata.name}${subresource ? `/${subresource}` : ''}`);
    const managers = this.#managers(key);
    const tree = treeOf(manifest);
    const name = `${manager} ${subresource ?? 'Apply'}`;
    const before = managers.get(name);
    managers.set(name, tree);
    const others = [...managers].filter(([other]) => other !== name).map(([, theirs]) => theirs);
    const next = structuredClone((held ?? {}) as Tree);
    if (before) removeUnapplied(next, before, tree, others);
    // Forced: a field whose value becomes another is nobody else's any more.
    for (const theirs of others) removeDiffering(theirs, tree);
    merge(next, tree);
    return this.#store(key, next as unknown as KubeObject, held);
  }

  #patch(reference: ObjectReference, body: Tree, manager: string): KubeObject {
    const key = keyOf(reference);
    const held = this.#objects.get(key);
    if (!held) throw new KubeError('not found', { status: 404, reason: 'NotFound' });
    if (Array.isArray(body)) {
      // Of managedFields alone: the manager takes over what others added.
      const taken = this.#managers(key);
      for (const [name, tree] of [...taken]) {
        if (name.startsWith('somebody')) {
          const own = taken.get(`${manager} Apply`) ?? {};
          taken.set(`${manager} Apply`, merge(structuredClone(own), tree));
          taken.delete(name);
        }
      }
      return this.#store(key, structuredClone(held), held);
    }
    const { resourceVersion } = (body['metadata'] ?? {}) as Partial<KubeObject['metadata']>;
    if (resourceVersion && resourceVersion !== held.metadata.resourceVersion)
      throw new KubeError('it was changed', { status: 409, reason: 'Conflict' });
    this.#write(`patch ${reference.resource.kind} ${reference.name}`);
    const next = structuredClone(held) as unknown as Tree;
    mergePatch(next, body);
    return this.#store(key, next as unknown as KubeObject, held);
  }

  #delete(reference: ObjectReference, uid: string | undefined): void {
    const key = keyOf(reference);
    const held = this.#objects.get(key);
    if (!held || (uid && held.metadata.uid !== uid)) return;
    this.#write(`delete ${reference.resource.kind} ${reference.name}`);
    this.#drop(key);
  }

  #drop(key: string): void {
    const held = this.#objects.get(key);
    this.#objects.delete(key);
    this.#applied.delete(key);
    const owned = [...this.#objects].filter(([, { metadata }]) => metadata.ownerReferences?.some(({ uid }) => uid === held?.metadata.uid));
    for (const [other] of owned) this.#drop(other);
  }

  #write(write: string): void {
    this.requests += 1;
    this.beforeWrite(write);
    this.writes.push(write);
  }

  #managers(key: string): Map<string, Tree> {
    const managers = this.#applied.get(key) ?? new Map<string, Tree>();
    this.#applied.set(key, managers);
    return managers;
  }

  #store(key: string, next: KubeObject, held: KubeObject | undefined): KubeObject {
    const changed = JSON.stringify(next['spec']) !== JSON.stringify(held?.['spec']);
    if (held?.kind === 'Secret' && held['immutable'] && JSON.stringify(next['data']) !== JSON.stringify(held['data']))
      throw new KubeError('data is immutable', { status: 422, reason: 'Invalid' });
    if (held?.kind === 'Job' && changed) throw new KubeError('field is immutable', { status: 422, reason: 'Invalid' });
    this.#count += 1;
    const unchanged = held && JSON.stringify(contentOf(next)) === JSON.stringify(contentOf(held));
    next.metadata = {
      ...next.metadata,
      uid: held?.metadata.uid ?? `uid-${this.#count}`,
      resourceVersion: unchanged ? held.metadata.resourceVersion : String(this.#count),
      creationTimestamp: held?.metadata.creationTimestamp ?? new Date(this.clock.now()).toISOString(),
      generation: (held?.metadata.generation ?? 0) + (changed || !held ? 1 : 0),
      managedFields: [...(this.#applied.get(key) ?? [])].map(([name, tree]) => managedFields(name, tree, next.apiVersion)),
    };
    this.#objects.set(key, freeze(next));
    return next;
  }
}

function contentOf({ metadata: { managedFields: _, resourceVersion: __, ...metadata }, ...rest }: KubeObject): unknown {
  return { ...rest, metadata };
}

function managedFields(name: string, tree: Tree, apiVersion: string): ManagedFields {
  const [manager = '', how] = name.split(' ');
  const operation = how === 'Update' ? 'Update' : 'Apply';
  const subresource = how === 'status' ? { subresource: how } : {};
  return { manager, operation, ...subresource, apiVersion, fieldsType: 'FieldsV1', fieldsV1: fieldsOf(tree) as Tree };
}

function fieldsOf(value: unknown): unknown {
  if (!isTree(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, below]) => [`f:${name}`, fieldsOf(below)]));
}

/** What an application is about: everything but what names the object. */
function treeOf({ apiVersion, kind, metadata, ...rest }: Manifest): Tree {
  const { labels, annotations, ownerReferences, name, namespace } = metadata;
  const named = { name, ...(namespace === undefined ? {} : { namespace }) };
  const own = Object.entries({ labels, annotations, ownerReferences }).filter(([, value]) => value !== undefined);
  return structuredClone({ apiVersion, kind, metadata: { ...named, ...Object.fromEntries(own) }, ...rest }) as Tree;
}

function removeUnapplied(live: Tree, before: Tree, now: Tree, others: readonly Tree[]): void {
  for (const [name, value] of Object.entries(before)) {
    const below = others.map((other) => other[name]);
    if (!(name in now) && below.every((other) => other === undefined)) delete live[name];
    else if (isTree(value) && isTree(live[name]))
      removeUnapplied(live[name], value, isTree(now[name]) ? now[name] : {}, below.filter(isTree));
  }
}

function removeDiffering(theirs: Tree, applied: Tree): void {
  for (const [name, value] of Object.entries(applied)) {
    if (!(name in theirs)) continue;
    if (isTree(value) && isTree(theirs[name])) removeDiffering(theirs[name], value);
    else if (JSON.stringify(theirs[name]) !== JSON.stringify(value)) delete theirs[name];
  }
}

function merge(into: Tree, tree: Tree): Tree {
  for (const [name, value] of Object.entries(tree)) {
    if (isTree(value)) into[name] = merge(isTree(into[name]) ? into[name] : {}, value);
    else into[name] = structuredClone(value);
  }
  return into;
}

function mergePatch(into: Tree, patch: Tree): void {
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete into[name];
    else if (isTree(value)) {
      into[name] = isTree(into[name]) ? into[name] : {};
      mergePatch(into[name] as Tree, value);
    } else into[name] = value;
  }
}

/** Nobody changes what the API said. */
function freeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const below of Object.values(value)) freeze(below);
  return Object.freeze(value);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function referenceTo(manifest: Manifest): ObjectReference {
  return { resource: resourceOf(manifest), name: manifest.metadata.name, namespace: manifest.metadata.namespace };
}

function keyOf({ resource, namespace, name }: ObjectReference): string {
  return `${resource.kind} ${resource.namespaced ? namespace : ''}/${name}`;
}
