import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Manifest } from '@starling/cdk8s/parts';
import type { Fields } from './fields.ts';
import { changed, keepBooks, merge, ownableOf, remove, subtract } from './test-fake-merge.ts';
import { isCollection, isIn, matcherOf, patchOf, placeOf, Refusal, sorted } from './test-fake-requests.ts';
import type { KubeObject } from './types.ts';

export interface FakeRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  watch: boolean;
  body: unknown;
}

/** What goes wrong with a request: an answer instead of the right one, a connection cut off, or silence for ever. */
export type Fault = { status: number; retryAfter?: number; reason?: string } | 'drop' | 'hang' | undefined;

interface Change {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  collection: string;
  object: KubeObject;
}

interface OpenWatch {
  collection: string;
  namespace: string | undefined;
  matches: (object: KubeObject) => boolean;
  /** Of the objects told, those that matched. */
  told: Set<string>;
  response: ServerResponse;
}

/**
 * A fake of the Kubernetes API server for tests: over real HTTP, in memory, without validation, defaults, controllers or garbage
 * collection. It has what clients can depend on: resource versions, lists by pages, watches that go on from a version, bookmarks, 410
 * for versions that it has forgotten, conflicts, server-side apply with managedFields, and faults when a test asks for them.
 */
export class FakeApiServer {
  readonly requests: FakeRequest[] = [];
  /** Asked about each request. */
  fault: (request: FakeRequest) => Fault = () => undefined;
  #server: Server | undefined;
  #port = 0;
  #version = 1;
  #forgotten = 0;
  #objects = new Map<string, KubeObject>();
  #changes: Change[] = [];
  #watches = new Set<OpenWatch>();

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts all connections off. Objects stay: it can be started again, on the same port. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#watches.clear();
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** Ends all watches, as the API does when their time is up; `drop`: as a network does. */
  endWatches(how: 'cleanly' | 'drop' = 'cleanly'): void {
    for (const { response } of this.#watches) how === 'drop' ? response.destroy() : response.end();
    this.#watches.clear();
  }

  /** Watches stay open and are told nothing any more. */
  silenceWatches(): void {
    this.#watches.clear();
  }

  sendBookmarks(): void {
    for (const watch of this.#watches) {
      const object = { kind: 'Bookmark', metadata: { resourceVersion: String(this.#version) } };
      watch.response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    }
  }

  /** Watches from versions until now are answered 410 from here on. */
  forget(): void {
    this.#forgotten = this.#version;
    this.#changes = [];
  }

  /** The watches that are open are told that their version is forgotten. */
  expireWatches(): void {
    this.forget();
    for (const { response } of this.#watches) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
    }
    this.#watches.clear();
  }

  /** `path` as in requests. */
  read(path: string): KubeObject | undefined {
    return this.#objects.get(path);
  }

  /** Changes an object as another manager does, such as `kubectl edit`. */
  change(path: string, manager: string, to: (object: KubeObject) => KubeObject): KubeObject {
    const before = this.#objects.get(path);
    if (!before) throw new Error(`the fake API server has no ${path}`);
    return this.#write(path, before, to(structuredClone(before)), { manager, operation: 'Update' });
  }

  /** Puts an object there, as if somebody had created it. */
  put(path: string, manifest: Manifest): KubeObject {
    return this.#write(path, this.#objects.get(path), manifest as KubeObject, { manager: 'somebody', operation: 'Update' });
  }

  /** Deletes it, without any rules. */
  delete(path: string): void {
    const object = this.#objects.get(path);
    if (!object) return;
    this.#objects.delete(path);
    this.#version += 1;
    this.#tell('DELETED', path, { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url);
    let text = '';
    for await (const chunk of request) text += chunk;
    const query = url.searchParams;
    const asked: FakeRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query,
      watch: query.get('watch') === 'true',
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.requests.push(asked);
    const fault = this.fault(asked);
    if (fault === 'hang') return;
    if (fault === 'drop') return void response.destroy();
    try {
      if (fault) throw new Refusal(fault.status, fault.reason ?? '', 'as the test wants it', fault.retryAfter);
      if (asked.watch) return this.#watch(asked, response);
      send(response, asked.method === 'POST' ? 201 : 200, this.#serve(asked, request.headers['content-type'] ?? ''));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status: code, reason, message, retryAfter } = error;
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
      send(response, code, { kind: 'Status', status: 'Failure', code, reason, message });
    }
  }

  #serve({ method, path, query, body }: FakeRequest, contentType: string): unknown {
    if (method === 'POST') return this.#create(path, body as KubeObject, query.get('fieldManager') ?? 'unknown');
    if (method === 'GET' && isCollection(path)) return this.#list(path, query);
    const subresource = /\/(status|scale)$/.exec(path)?.[1];
    const at = subresource ? path.slice(0, -subresource.length - 1) : path;
    const live = this.#objects.get(at);
    if (method === 'PATCH' && contentType.startsWith('application/apply-patch'))
      return this.#apply(at, live, body as KubeObject, query.get('fieldManager') ?? '', subresource);
    if (!live) throw new Refusal(404, 'NotFound', `${path} not found`);
    if (method === 'GET') return live;
    if (method === 'DELETE') {
      const { preconditions } = (body ?? {}) as { preconditions?: { uid?: string } };
      if (preconditions?.uid !== undefined && preconditions.uid !== live.metadata.uid) throw new Refusal(409, 'Conflict', 'another uid');
      this.delete(at);
      return { kind: 'Status', status: 'Success' };
    }
    const by = { manager: query.get('fieldManager') ?? 'unknown', operation: 'Update' as const, subresource };
    const wanted = method === 'PUT' ? (body as KubeObject) : patchOf(live, body, contentType);
    if (wanted.metadata.resourceVersion !== undefined && wanted.metadata.resourceVersion !== live.metadata.resourceVersion)
      throw new Refusal(409, 'Conflict', 'the object has been modified');
    return this.#write(at, live, wanted, by);
  }

  #list(path: string, query: URLSearchParams): unknown {
    const [version, from] = (query.get('continue') ?? `${this.#version}:0`).split(':').map(Number) as [number, number];
    if (version <= this.#forgotten && query.get('continue')) throw new Refusal(410, 'Expired', 'the continue token is too old');
    const { collection, namespace } = placeOf(path);
    const matches = matcherOf(query.get('labelSelector'));
    const all = [...this.#objects].filter(([at, object]) => isIn(at, collection, namespace) && matches(object)).map(([, object]) => object);
    const limit = Number(query.get('limit') ?? all.length);
    const rest = from + limit < all.length ? `${version}:${from + limit}` : '';
    // Items of a list have no kind of their own.
    const items = all.slice(from, from + limit).map(({ apiVersion: _, kind: __, ...item }) => item);
    return { kind: 'List', metadata: { resourceVersion: String(version), continue: rest }, items };
  }

  #watch({ path, query }: FakeRequest, response: ServerResponse): void {
    const since = Number(query.get('resourceVersion'));
    if (since < this.#forgotten) throw new Refusal(410, 'Expired', 'too old resource version');
    const { collection, namespace } = placeOf(path);
    const watch: OpenWatch = { collection, namespace, matches: matcherOf(query.get('labelSelector')), told: new Set(), response };
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    for (const [at, object] of this.#objects) if (watch.matches(object)) watch.told.add(at);
    for (const change of this.#changes) if (change.version > since) this.#tellWatch(watch, change);
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }

  #create(path: string, manifest: KubeObject, manager: string): KubeObject {
    const at = `${path}/${manifest.metadata.name}`;
    if (this.#objects.has(at)) throw new Refusal(409, 'AlreadyExists', `${at} already exists`);
    return this.#write(at, undefined, manifest, { manager, operation: 'Update' });
  }

  #apply(at: string, live: KubeObject | undefined, config: KubeObject, manager: string, subresource: string | undefined): KubeObject {
    const by = { manager, operation: 'Apply' as const, subresource };
    const set = ownableOf(config);
    const mine = live?.metadata.managedFields?.find((entry) => entry.manager === manager && entry.operation === 'Apply');
    const theirs = (live?.metadata.managedFields ?? []).filter((entry) => entry !== mine);
    // What was applied before and is not now goes, unless another owns it too.
    const dropped = theirs.reduce(
      (left, entry) => subtract(left, entry.fieldsV1 as Fields),
      subtract((mine?.fieldsV1 as Fields) ?? {}, set),
    );
    const kept = live ? (remove(live, dropped) as KubeObject) : {};
    return this.#write(at, live, merge(kept, config) as KubeObject, by, set);
  }

  /** Writes the object if it differs, and tells all watches. */
  #write(
    at: string,
    before: KubeObject | undefined,
    wanted: KubeObject,
    by: { manager: string; operation: 'Apply' | 'Update'; subresource?: string | undefined },
    set?: Fields,
  ): KubeObject {
    const { resourceVersion, managedFields, ...metadata } = wanted.metadata;
    const replaced = before && managedFields && JSON.stringify(managedFields) !== JSON.stringify(before.metadata.managedFields);
    const written = set ?? (before ? changed(ownableOf(wanted), before, wanted) : ownableOf(wanted));
    const books = replaced && !set ? managedFields : keepBooks(before, wanted, by, written);
    const named = {
      uid: before?.metadata.uid ?? randomUUID(),
      creationTimestamp: before?.metadata.creationTimestamp ?? '2030-01-01T00:00:00Z',
    };
    const next = { ...wanted, metadata: { ...metadata, ...named, managedFields: books } } as KubeObject;
    if (
      before &&
      JSON.stringify(sorted({ ...next, metadata: { ...next.metadata, resourceVersion: before.metadata.resourceVersion } })) ===
        JSON.stringify(sorted(before))
    )
      return before;
    this.#version += 1;
    next.metadata.resourceVersion = String(this.#version);
    this.#objects.set(at, next);
    this.#tell(before ? 'MODIFIED' : 'ADDED', at, next);
    return next;
  }

  #tell(type: Change['type'], at: string, object: KubeObject): void {
    const change: Change = { version: Number(object.metadata.resourceVersion), type, collection: at, object };
    this.#changes.push(change);
    for (const watch of this.#watches) this.#tellWatch(watch, change);
  }

  /** An object that no longer has the labels is deleted for whoever watches by them. */
  #tellWatch(watch: OpenWatch, { type, collection: at, object }: Change): void {
    if (!isIn(at, watch.collection, watch.namespace)) return;
    const matches = type !== 'DELETED' && watch.matches(object);
    const known = watch.told.has(at);
    // Of what changed before the watch began nobody knows whether it matched.
    if (!matches && !known && type === 'ADDED') return;
    if (matches) watch.told.add(at);
    else watch.told.delete(at);
    watch.response.write(`${JSON.stringify({ type: matches ? (known ? 'MODIFIED' : 'ADDED') : 'DELETED', object })}\n`);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
