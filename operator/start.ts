import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { systemClock } from '@starling/platform/clock';
import { openSidePort } from '@starling/platform/metrics';
import type { Logger } from '@starling/platform/telemetry';
import {
  createApplier,
  createEventRecorder,
  createKubeClient,
  type EventRecorder,
  type KubeConnection,
  KubeError,
  type KubeObject,
  pause,
  RESOURCES,
  systemTime,
  type WatchedKind,
  type WatchingCache,
} from './kube/index.ts';
import type { OperatorOptions } from './options.ts';
import { ownedKinds } from './reconcile/inventory.ts';
import { MANAGER } from './reconcile/ownership.ts';
import { METRICS_API_KEY, reconcile } from './reconcile/reconcile.ts';
import type { InstallationOptions, Memory } from './reconcile/work.ts';
import { clusterKeysOf, createOperatorMetrics, startController } from './runtime/index.ts';

const LEASE = 'starling-operator';
const CONTROLLER = 'starling.chat/operator';
/** ChatClusters that are worked on side by side. */
const CONCURRENCY = 4;
const TRY_AGAIN_MS = 2_000;
/** Of every object of a ChatCluster. */
const LABELLED = 'starling.chat/cluster';

export interface StartedOperator {
  sidePort: number;
  /** Lets what is under way end, and frees the Lease. */
  stop(): Promise<void>;
}

/** Starts the operator: it works whenever it holds the Lease, and waits for it otherwise. */
export async function startOperator(
  connection: KubeConnection,
  options: Omit<OperatorOptions, 'kubeconfig' | 'logLevel'> & { logger: Logger; signal: AbortSignal; sideHost: string },
): Promise<StartedOperator> {
  const { logger, namespace, watchNamespaces, metricsApi } = options;
  const metrics = createOperatorMetrics();
  const keda = await hasKeda(connection, options);
  const installation: InstallationOptions = {
    image: options.image,
    version: options.version,
    redpandaImage: options.redpandaImage,
    postgresImage: options.postgresImage,
    allowedRegistries: options.allowedRegistries,
    operatorNamespace: namespace,
    metricsApi,
    keda,
  };
  const identity = `${hostname()}_${randomUUID()}`;
  let events: EventRecorder | undefined;
  const controller = startController({
    connection,
    kinds: watchedKinds(installation),
    namespaces: watchNamespaces,
    lease: { namespace, name: LEASE, identity },
    concurrency: CONCURRENCY,
    metrics,
    keysOf: (object, cache) => (object.kind === RESOURCES.APIService.kind ? allKeys(cache, installation) : clusterKeysOf(object)),
    allKeys: (cache) => allKeys(cache, installation),
    onError: (message, fields) => logger.warn(fields, message),
    lead({ client, cache }) {
      logger.info({ identity }, 'leading');
      const applier = createApplier({ client, cache, manager: MANAGER });
      const recorder = createEventRecorder({
        client,
        controller: CONTROLLER,
        instance: hostname(),
        onDrop: (reason) => logger.debug({ reason }, 'an Event was not written'),
      });
      events = recorder;
      const memory: Memory = { connectionsWrittenAt: new Map(), growthRefused: new Map() };
      const tools = { client, cache, applier, events: recorder, clock: systemClock, logger, options: installation, memory, metrics };
      return (key) => reconcile(tools, key);
    },
  });
  const side = await openSidePort({
    host: options.sideHost,
    port: options.sidePort,
    metrics,
    // The one that waits for the Lease is as ready as it can be.
    reasons: () => (controller.leads() && !controller.active() ? ['the objects of the ChatClusters have not all come in yet'] : []),
  });
  return {
    sidePort: side.port,
    async stop() {
      await events?.settled();
      await controller.stop();
      await side.close();
    },
  };
}

function watchedKinds(options: InstallationOptions): WatchedKind[] {
  const labelled = [...ownedKinds(options), RESOURCES.PersistentVolumeClaim, RESOURCES.Pod];
  return [
    { resource: RESOURCES.ChatCluster },
    ...labelled.map((resource) => ({ resource, labelSelector: LABELLED })),
    ...(options.metricsApi ? [{ resource: RESOURCES.APIService }] : []),
  ];
}

function allKeys(cache: WatchingCache, { metricsApi }: InstallationOptions): string[] {
  const clusters = cache.list(RESOURCES.ChatCluster).map(({ metadata }: KubeObject) => `${metadata.namespace ?? ''}/${metadata.name}`);
  return metricsApi ? [METRICS_API_KEY, ...clusters] : clusters;
}

/** Where every account may ask what there is: where there is no KEDA, nothing is asked that would be refused. */
const KEDA = `/apis/${RESOURCES.ScaledObject.apiVersion}`;

/** Whether KEDA's kind is there and may be used: a watch of it would fail for ever otherwise. Waits for an answer. */
async function hasKeda(
  connection: KubeConnection,
  { watchNamespaces, logger, signal }: { watchNamespaces: string[] | undefined; logger: Logger; signal: AbortSignal },
): Promise<boolean> {
  const client = createKubeClient(connection);
  for (;;) {
    try {
      await client.request('GET', KEDA);
      for (const namespace of watchNamespaces ?? [undefined]) await client.list(RESOURCES.ScaledObject, { namespace });
      return true;
    } catch (error) {
      if (error instanceof KubeError && [403, 404].includes(error.status)) return false;
      logger.warn({ error: (error as Error).message }, 'the Kubernetes API does not answer yet');
    }
    await pause(systemTime, TRY_AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}
