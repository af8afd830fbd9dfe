import type { Manifest } from '@starling/cdk8s/parts';
import type { KubeConnection } from './connect.ts';
import { exchange, noAnswer, parseJson, readText } from './exchange.ts';
import { collectionPath, objectPath, referenceOf } from './resources.ts';
import { pause, systemTime, type Time } from './time.ts';
import { type KubeClient, KubeError, type KubeObject, type ObjectReference, type Resource } from './types.ts';

const DEADLINE_MS = 30_000;
const CONCURRENCY = 16;
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024;
const PAGE = 250;
/** Who owns the fields of what is created or patched without another name. */
const MANAGER = 'starling';

/** One request as the metrics count it. `status` 0: no answer. */
export interface RequestOutcome {
  verb: string;
  /** Plural, with the subresource: `deployments/scale`. */
  resource: string;
  status: number;
  seconds: number;
}

export interface KubeClientOptions {
  time?: Time;
  /** For one call, with all that it waits for and its retries, ms. */
  deadlineMs?: number;
  /** Requests at a time; the others wait. */
  concurrency?: number;
  maxResponseBytes?: number;
  onRequest?: (outcome: RequestOutcome) => void;
  /** Asked before each request that changes something: false rejects it with reason `NotLeader`, unsent. */
  mayWrite?: () => boolean;
}

interface Call {
  verb: string;
  resource: string;
  method: string;
  path: string;
  query?: Record<string, string | undefined>;
  body?: object;
  contentType?: string;
}

/**
 * The Kubernetes API over a connection. A refusal for too much load (429, or 5xx with Retry-After) is tried again after the time that
 * the API asks for, within the deadline; every other failure is told at once.
 */
export function createKubeClient(connection: KubeConnection, options: KubeClientOptions = {}): KubeClient {
  const { time = systemTime, deadlineMs = DEADLINE_MS, maxResponseBytes = MAX_RESPONSE_BYTES } = options;
  const slots = createSlots(options.concurrency ?? CONCURRENCY);

  async function attempt(call: Call, path: string, signal: AbortSignal): Promise<unknown> {
    const begun = time.now();
    const tell = (status: number) =>
      options.onRequest?.({ verb: call.verb, resource: call.resource, status, seconds: (time.now() - begun) / 1000 });
    try {
      if (call.method !== 'GET' && options.mayWrite?.() === false)
        throw new KubeError(`${call.method} ${call.path} was not sent: this process no longer leads`, { status: 0, reason: 'NotLeader' });
      const response = await exchange(connection, {
        method: call.method,
        path,
        signal,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body), contentType: call.contentType ?? 'application/json' }),
      });
      const text = await readText(response.body, maxResponseBytes);
      const answer = text === '' ? undefined : parseJson(text);
      tell(response.status);
      return answer;
    } catch (error) {
      const failure = noAnswer(call, error);
      if (failure.reason !== 'NotLeader') tell(failure.status);
      throw failure;
    }
  }

  async function ask(call: Call): Promise<unknown> {
    const late = new AbortController();
    const deadline = time.now() + deadlineMs;
    const cancel = time.after(deadlineMs, () => late.abort(new Error(`the deadline of ${deadlineMs} ms has passed`)));
    const query = new URLSearchParams(
      Object.entries(call.query ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const path = query.size > 0 ? `${call.path}?${query}` : call.path;
    try {
      for (;;) {
        const free = await slots.take(late.signal).catch((error: unknown) => {
          throw noAnswer(call, error);
        });
        let wait: number;
        try {
          return await attempt(call, path, late.signal);
        } catch (error) {
          const { status, retryAfterMs } = error as KubeError;
          const asked = status === 429 || status >= 500 ? retryAfterMs : undefined;
          if (asked === undefined || time.now() + asked >= deadline) throw error;
          // At least a little: an answer of 0 seconds must not become a loop.
          wait = Math.max(asked, 50);
        } finally {
          free();
        }
        await pause(time, wait, late.signal);
      }
    } finally {
      cancel();
    }
  }

  const askForObject = async (call: Call) => (await ask(call)) as KubeObject;

  async function listPages(resource: Resource, namespace: string | undefined, labelSelector: string | undefined): Promise<KubeObject[]> {
    const found: KubeObject[] = [];
    let next: string | undefined;
    do {
      const page = (await ask({
        verb: 'list',
        resource: resource.plural,
        method: 'GET',
        path: collectionPath(resource, namespace),
        query: { labelSelector, limit: String(PAGE), continue: next },
      })) as ObjectList;
      found.push(...itemsOf(page, resource));
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
    return found;
  }

  return {
    async get(reference) {
      try {
        return await askForObject({ verb: 'get', resource: reference.resource.plural, method: 'GET', path: objectPath(reference) });
      } catch (error) {
        if ((error as KubeError).status === 404) return undefined;
        throw error;
      }
    },

    async list(resource, { namespace, labelSelector } = {}) {
      try {
        return await listPages(resource, namespace, labelSelector);
      } catch (error) {
        // The pages' common state is forgotten after some minutes.
        if ((error as KubeError).status !== 410) throw error;
        return listPages(resource, namespace, labelSelector);
      }
    },

    create(manifest) {
      const { resource, namespace } = referenceOf(manifest);
      if (resource.namespaced && namespace === undefined)
        return Promise.reject(new Error(`${resource.kind} ${manifest.metadata.name} is to be created without a namespace`));
      return askForObject({
        verb: 'create',
        resource: resource.plural,
        method: 'POST',
        path: collectionPath(resource, namespace),
        query: { fieldManager: MANAGER, fieldValidation: 'Strict' },
        body: manifest,
      });
    },

    async apply(manifest: Manifest, { manager, subresource }) {
      const reference = referenceOf(manifest);
      return askForObject({
        verb: 'apply',
        resource: withSubresource(reference, subresource),
        method: 'PATCH',
        path: objectPath(reference, subresource),
        query: { fieldManager: manager, force: 'true', fieldValidation: 'Strict' },
        body: manifest,
        contentType: 'application/apply-patch+yaml',
      });
    },

    async patch(reference, body, { subresource, manager = MANAGER } = {}) {
      return askForObject({
        verb: 'patch',
        resource: withSubresource(reference, subresource),
        method: 'PATCH',
        path: objectPath(reference, subresource),
        query: { fieldManager: manager, fieldValidation: 'Strict' },
        body,
        contentType: Array.isArray(body) ? 'application/json-patch+json' : 'application/merge-patch+json',
      });
    },

    async delete(reference, { uid } = {}) {
      try {
        await ask({
          verb: 'delete',
          resource: reference.resource.plural,
          method: 'DELETE',
          path: objectPath(reference),
          body: { propagationPolicy: 'Background', ...(uid === undefined ? {} : { preconditions: { uid } }) },
        });
      } catch (error) {
        // 409: another object has its name by now.
        const { status } = error as KubeError;
        if (status !== 404 && !(status === 409 && uid !== undefined)) throw error;
      }
    },

    request: (method, path, body) =>
      ask({ verb: method.toLowerCase(), resource: resourceIn(path), method, path, ...(body ? { body } : {}) }),
  };
}

export interface ObjectList {
  metadata?: { resourceVersion?: string; continue?: string };
  items?: KubeObject[];
}

/** The objects of a list, each with its kind and version: the API leaves both out of the items of a list. */
export function itemsOf(list: ObjectList, { apiVersion, kind }: Resource): KubeObject[] {
  return (list.items ?? []).map((item) => ({ ...item, apiVersion, kind }));
}

function withSubresource({ resource }: ObjectReference, subresource: string | undefined): string {
  return subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
}

/** The plural in a path, so that metrics have one row a kind and none a name. */
function resourceIn(path: string): string {
  const parts = (path.split('?')[0] ?? '').split('/').slice(1);
  const [plural = 'other', , subresource] = parts
    .slice(parts[0] === 'api' ? 2 : 3)
    .join('/')
    .replace(/^namespaces\/[^/]+\/(?=.)/, '')
    .split('/');
  return subresource === undefined ? plural : `${plural}/${subresource}`;
}

/** At most so many at a time; who comes first is served first. */
function createSlots(count: number): { take(signal: AbortSignal): Promise<() => void> } {
  let free = count;
  const waiting: (() => void)[] = [];
  const release = () => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  return {
    async take(signal) {
      if (free > 0) {
        free -= 1;
        return release;
      }
      await new Promise<void>((resolve, reject) => {
        const turn = () => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        };
        const giveUp = () => {
          waiting.splice(waiting.indexOf(turn), 1);
          reject(signal.reason);
        };
        waiting.push(turn);
        signal.addEventListener('abort', giveUp, { once: true });
      });
      return release;
    },
  };
}
