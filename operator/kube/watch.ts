import { itemsOf, type ObjectList } from './client.ts';
import type { KubeConnection } from './connect.ts';
import { AnswerTooLong, errorOf, exchange, noAnswer, parseJson, readText, type Status } from './exchange.ts';
import { readLines } from './lines.ts';
import { collectionPath } from './resources.ts';
import { backoff, jitter, pause, systemTime, type Time } from './time.ts';
import { KubeError, type KubeObject, type Resource } from './types.ts';

const PAGE = 100;
const LIST_DEADLINE_MS = 60_000;
/** The API says something at least each minute, by a bookmark; a watch that is silent for so long is dead, whatever TCP says. */
const IDLE_MS = 150_000;
/** For how long the API should serve one watch; it ends it cleanly then, and the next goes on from there. */
const WATCH_MS = 600_000;
const FIRST_BACKOFF_MS = 500;
const BACKOFF_CAP_MS = 30_000;
/** What failed after so long had worked. */
const STEADY_MS = 60_000;
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const MAX_LINE_BYTES = 16 * 1024 * 1024;

export interface WatchOptions {
  resource: Resource;
  /** Absent: all. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  time?: Time | undefined;
  idleMs?: number | undefined;
  /** A page of a list. */
  onPage: (objects: KubeObject[]) => void;
  /** The list is complete: what is not among these (`namespace/name`) and not newer than it is gone. */
  onListed: (names: ReadonlySet<string>, resourceVersion: string) => void;
  onChange: (object: KubeObject, type: 'ADDED' | 'MODIFIED' | 'DELETED') => void;
  onError?: ((error: KubeError) => void) | undefined;
  onStart?: ((by: 'list' | 'watch') => void) | undefined;
}

export interface Watch {
  /** Resolves when nothing of it is under way any more. */
  stop(): Promise<void>;
}

/**
 * Lists the objects and follows their changes from there until it is stopped; no error ends it. A watch that ends goes on where it
 * was, without a list; only when the API no longer knows that place (410) all is listed again.
 */
export function startWatch(connection: KubeConnection, options: WatchOptions): Watch {
  const { resource, namespace, time = systemTime, idleMs = IDLE_MS } = options;
  const stopped = new AbortController();
  const collection = collectionPath(resource, namespace);
  let resourceVersion: string | undefined;
  let failures = 0;
  let pageSize = PAGE;

  async function listAll(): Promise<void> {
    options.onStart?.('list');
    const names = new Set<string>();
    let next: string | undefined;
    let version: string | undefined;
    do {
      const page = await readPage({ limit: String(pageSize), ...(next === undefined ? {} : { continue: next }) });
      const objects = itemsOf(page, resource);
      options.onPage(objects);
      for (const { metadata } of objects) names.add(`${metadata.namespace ?? ''}/${metadata.name}`);
      next = page.metadata?.continue || undefined;
      version = page.metadata?.resourceVersion;
    } while (next !== undefined);
    if (!version) throw new KubeError(`the list of ${collection} has no resourceVersion`, { status: 0, reason: '' });
    options.onListed(names, version);
    resourceVersion = version;
  }

  async function readPage(query: Record<string, string>): Promise<ObjectList> {
    const { request, end } = begin(query, LIST_DEADLINE_MS);
    try {
      const { body } = await exchange(connection, request);
      return parseJson(await readText(body, MAX_LIST_BYTES)) as ObjectList;
    } catch (error) {
      // Objects may have a megabyte each.
      if (error instanceof AnswerTooLong) pageSize = Math.max(1, Math.floor(pageSize / 4));
      throw noAnswer(request, error);
    } finally {
      end();
    }
  }

  /** Follows one watch to its end; resolves when the API ended it, rejects with a KubeError otherwise. */
  async function follow(): Promise<void> {
    options.onStart?.('watch');
    const watchMs = jitter(WATCH_MS);
    const { request, end, extend } = begin(
      {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: resourceVersion ?? '',
        timeoutSeconds: String(Math.round(watchMs / 1000)),
      },
      idleMs,
    );
    try {
      const { body } = await exchange(connection, request);
      extend();
      for await (const line of readLines(body, MAX_LINE_BYTES)) {
        extend();
        take(parseJson(line) as WatchEvent);
        failures = 0;
      }
    } catch (error) {
      throw noAnswer(request, error);
    } finally {
      end();
    }
  }

  function take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw errorOf({ method: 'WATCH', path: collection }, object as unknown as Status);
    if (type !== 'BOOKMARK') options.onChange(object, type);
    resourceVersion = object.metadata.resourceVersion;
  }

  /** A request that is aborted after so many silent ms, or when all stops. */
  function begin(query: Record<string, string>, silenceMs: number) {
    const over = new AbortController();
    const stop = () => over.abort(stopped.signal.reason);
    if (stopped.signal.aborted) stop();
    else stopped.signal.addEventListener('abort', stop, { once: true });
    let cancel = () => {};
    const extend = () => {
      cancel();
      cancel = time.after(silenceMs, () => over.abort(new Error(`it was silent for ${silenceMs} ms`)));
    };
    extend();
    const selector = options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector };
    return {
      request: { method: 'GET', path: `${collection}?${new URLSearchParams({ ...selector, ...query })}`, signal: over.signal },
      extend,
      end() {
        cancel();
        stopped.signal.removeEventListener('abort', stop);
        over.abort();
      },
    };
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      let wait: number;
      const begun = time.now();
      try {
        if (resourceVersion === undefined) await listAll();
        await follow();
        // A server that ends each watch at once must not be asked in a loop.
        wait = time.now() - begun < 1_000 ? 1_000 : 0;
      } catch (error) {
        if (stopped.signal.aborted) return;
        const failure = noAnswer({ method: 'WATCH', path: collection }, error);
        failures = time.now() - begun > STEADY_MS ? 1 : failures + 1;
        if (failure.status === 410) resourceVersion = undefined;
        options.onError?.(failure);
        wait = Math.max(failure.retryAfterMs ?? 0, backoff(failures, { firstMs: FIRST_BACKOFF_MS, capMs: BACKOFF_CAP_MS }));
      }
      await pause(time, wait, stopped.signal);
    }
  }

  const running = run();
  return {
    stop() {
      stopped.abort(new Error('the watch was stopped'));
      return running;
    },
  };
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}
