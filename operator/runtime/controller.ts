import {
  type CampaignOptions,
  campaign,
  createKubeClient,
  jitter,
  type KubeClient,
  type KubeConnection,
  type KubeObject,
  RESOURCES,
  systemTime,
  type Time,
  type WatchedKind,
  type WatchingCache,
  watchObjects,
} from '../kube/index.ts';
import type { OperatorMetrics } from './metrics.ts';
import { type Again, createWorkQueue, type WorkQueue } from './work-queue.ts';

/** What a reconcile has to work with. It lives as long as this process leads. */
export interface Leadership {
  /** Refuses writes once this process no longer leads. */
  client: KubeClient;
  /** Synced. */
  cache: WatchingCache;
  /** Adds the key to the queue. */
  requeue(key: string): void;
}

export interface ControllerOptions {
  connection: KubeConnection;
  kinds: readonly WatchedKind[];
  /** Absent: all. */
  namespaces?: readonly string[] | undefined;
  lease: Pick<CampaignOptions, 'namespace' | 'name' | 'identity' | 'leaseMs' | 'renewDeadlineMs' | 'retryMs'>;
  /**
   * Called each time that this process begins to lead, once all lists are in; what it returns reconciles one key (`namespace/name`) and
   * tells when to look again at the latest.
   */
  lead: (leadership: Leadership) => (key: string, signal: AbortSignal) => Promise<Again>;
  /** The keys that a changed object concerns; absent: {@link clusterKeysOf}. */
  keysOf?: ((object: KubeObject, cache: WatchingCache) => string[]) | undefined;
  /** All keys that there are; absent: all ChatClusters in the cache. */
  allKeys?: ((cache: WatchingCache) => string[]) | undefined;
  /** All keys are added each such time, ms. */
  resyncMs?: number | undefined;
  /** After which silence a watch is begun again, ms. */
  idleMs?: number | undefined;
  concurrency?: number | undefined;
  metrics: OperatorMetrics;
  time?: Time | undefined;
  /** What went wrong and is tried again. */
  onError: (message: string, fields: Record<string, unknown>) => void;
}

export interface Controller {
  leads(): boolean;
  /** Leading, with all lists in. */
  active(): boolean;
  /** Lets reconciles end (their signal aborts), then frees the Lease. */
  stop(): Promise<void>;
}

const GROUP = 'starling.chat/';
const CLUSTER_LABEL = 'starling.chat/cluster';
const RESYNC_MS = 600_000;
/** A change seldom comes alone: what comes within this is reconciled once. */
const GATHER_MS = 100;

/** `namespace/name` of the ChatCluster that the object is or belongs to, by its owner or else by its label; or none. */
export function clusterKeysOf(object: KubeObject): string[] {
  const { namespace, name, labels, ownerReferences = [] } = object.metadata;
  if (namespace === undefined) return [];
  if (object.apiVersion.startsWith(GROUP) && object.kind === 'ChatCluster') return [`${namespace}/${name}`];
  const owner = ownerReferences.find(({ apiVersion, kind }) => apiVersion.startsWith(GROUP) && kind === 'ChatCluster');
  const cluster = owner?.name ?? labels?.[CLUSTER_LABEL];
  return cluster === undefined ? [] : [`${namespace}/${cluster}`];
}

/** Watches and reconciles while it leads, and campaigns for leading otherwise. */
export function startController(options: ControllerOptions): Controller {
  const { connection, metrics, time = systemTime, onError } = options;
  const onRequest = metrics.observeRequest;
  let current: Work | undefined;
  /** Of earlier leaderships: no two work at a time. */
  let ended: Promise<void> = Promise.resolve();

  function begin(): void {
    metrics.setLeader(true);
    const work = startWork(options, createKubeClient(connection, { time, onRequest, mayWrite: () => election.leads() }), ended);
    current = work;
  }

  function end(): void {
    metrics.setLeader(false);
    ended = current?.stop() ?? ended;
    current = undefined;
  }

  const { retryMs = 2_000 } = options.lease;
  const election = campaign({
    ...options.lease,
    // An answer that comes later than the next try would, is of no use.
    client: createKubeClient(connection, { time, onRequest, deadlineMs: retryMs * 2.5 }),
    time,
    onLead: begin,
    onLoss: end,
    onError: (error) => onError('the Lease could not be taken or renewed', { error: error.message }),
  });

  return {
    leads: election.leads,
    active: () => current?.active() ?? false,
    async stop() {
      // The Lease is held until nothing is written any more.
      await current?.stop();
      await election.stop();
      await ended;
    },
  };
}

interface Work {
  active(): boolean;
  stop(): Promise<void>;
}

/** All that runs while this process leads. */
function startWork(options: ControllerOptions, client: KubeClient, after: Promise<void>): Work {
  const { connection, kinds, namespaces, metrics, time = systemTime, onError, concurrency, resyncMs = RESYNC_MS } = options;
  const { keysOf = clusterKeysOf, allKeys = allClusters } = options;
  let queue: WorkQueue | undefined;
  let stopped: Promise<void> | undefined;
  let ending = false;
  let cancelResync = () => {};

  const cache = watchObjects(connection, {
    kinds,
    namespaces,
    time,
    idleMs: options.idleMs,
    onChange(object) {
      if (queue !== undefined) for (const key of keysOf(object, cache)) queue?.add(key, { afterMs: GATHER_MS });
    },
    onWatchStart: ({ kind }, by) => metrics.countWatch(kind, by),
    onWatchError({ kind }, error) {
      metrics.countWatch(kind, 'error');
      onError('a watch failed and is begun again', { kind, error: error.message });
    },
  });

  async function begin(): Promise<void> {
    await Promise.all([cache.whenSynced(), after]);
    if (ending) return;
    const reconcile = options.lead({ client, cache, requeue: (key) => queue?.add(key) });
    queue = createWorkQueue({
      work: reconcile,
      concurrency,
      time,
      onDone({ key, seconds, error }) {
        metrics.observeReconcile(error === undefined ? 'done' : 'failed', seconds);
        if (error !== undefined)
          onError('a reconcile failed and is tried again', { key, error: error instanceof Error ? error.message : error });
      },
    });
    metrics.trackDepth(queue.depth);
    resync();
  }

  function resync(): void {
    for (const key of allKeys(cache)) queue?.add(key);
    cancelResync = time.after(jitter(resyncMs), resync);
  }

  async function end(): Promise<void> {
    ending = true;
    cancelResync();
    await queue?.stop();
    await cache.stop();
    await begun;
  }

  const begun = begin();
  return {
    active: () => queue !== undefined && !ending,
    stop() {
      stopped ??= end();
      return stopped;
    },
  };
}

function allClusters(cache: WatchingCache): string[] {
  return cache.list(RESOURCES.ChatCluster).map(({ metadata: { namespace, name } }) => `${namespace}/${name}`);
}
