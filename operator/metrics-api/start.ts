import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { systemClock } from '@starling/platform/clock';
import { followFiles } from '@starling/platform/config';
import { openSidePort } from '@starling/platform/metrics';
import type { Logger } from '@starling/platform/telemetry';
import { campaign, createKubeClient, type KubeConnection, RESOURCES, watchObjects } from '../kube/index.ts';
import { Annotator } from './annotator.ts';
import { createAuthorizer } from './authorize.ts';
import { DELIVERY_LABELS, readDeliveryPod } from './delivery-pods.ts';
import { followFrontProxy } from './follow-front-proxy.ts';
import type { FrontProxy } from './front-proxy.ts';
import { Loads } from './loads.ts';
import { createMetricsApiMetrics } from './metrics.ts';
import type { MetricsApiOptions } from './options.ts';
import { Scraper } from './scraper.ts';
import { type MetricsServer, openMetricsServer, type ServerCertificate } from './server.ts';

const INTERVAL_MS = 5_000;
/** Less than the interval, so that a pod that hangs does not make the others late. */
const DEADLINE_MS = 2_000;
const CONCURRENCY = 32;
/** Between two tries to take or renew the Lease. */
const RETRY_MS = 2_000;
/** The side port of every service. */
const LOAD_PORT = 9090;

/** Starts to follow the delivery pods and to serve their metrics; both replicas do, and one of them annotates the pods. */
export async function startMetricsApi(
  connection: KubeConnection,
  options: Omit<MetricsApiOptions, 'kubeconfig'> & {
    logger: Logger;
    /** Where pods answer, and how often they are asked; 9090 and 5 s unless given. */
    loadPort?: number;
    intervalMs?: number;
  },
): Promise<{ port: number; sidePort: number; stop(): Promise<void> }> {
  const { namespace, host, logger, loadPort = LOAD_PORT, intervalMs = INTERVAL_MS } = options;
  const clock = systemClock;
  const metrics = createMetricsApiMetrics();
  const client = createKubeClient(connection);
  const loads = new Loads({ intervalMs });
  const cache = watchObjects(connection, {
    kinds: [{ resource: RESOURCES.Pod, labelSelector: selectorOf(DELIVERY_LABELS) }],
    namespaces: options.watchNamespaces,
    onWatchError: ({ plural }, { message }) => logger.warn({ reason: message }, `the watch of ${plural} failed, and is tried again`),
  });
  const pods = () => (cache.synced ? cache.list(RESOURCES.Pod).flatMap((pod) => readDeliveryPod(pod) ?? []) : []);

  let server: MetricsServer | undefined;
  let certificate: ServerCertificate | undefined;
  let frontProxy: FrontProxy | undefined;
  const complaint = 'the certificate has changed and cannot be used; the one from before stays';
  const files = await followFiles({ files: [options.certificate, options.key], logger, complaint }, ([pem = '', key = '']) => {
    if (!new X509Certificate(pem).checkPrivateKey(createPrivateKey(key))) throw new Error('the key is not that of the certificate');
    certificate = { certificate: pem, key };
    server?.replaceCertificate(certificate);
  });
  if (!certificate) throw new Error(`${options.certificate} holds no certificate`);

  const election = campaign({
    client: createKubeClient(connection, { deadlineMs: RETRY_MS }),
    namespace,
    name: 'starling-metrics-api',
    retryMs: RETRY_MS,
    identity: `${hostname()}-${randomUUID()}`,
    onLead: () => annotator.lead(true),
    onLoss: () => annotator.lead(false),
    onError: ({ message }) => logger.warn({ reason: message }, 'the Lease could not be taken or renewed'),
  });
  const leading = createKubeClient(connection, { mayWrite: () => election.leads() });
  const annotator = new Annotator({ client: leading, loads, clock, logger, observe: metrics.observeAnnotation });

  let asked = false;
  const scraper = new Scraper({
    pods,
    loads,
    clock,
    port: loadPort,
    intervalMs,
    deadlineMs: Math.min(DEADLINE_MS, intervalMs),
    concurrency: CONCURRENCY,
    observe: metrics.observeScrape,
    async onRound(round) {
      asked ||= cache.synced;
      if (annotator.leads) await annotator.annotate(round);
    },
  });
  metrics.trackLeader(() => annotator.leads);
  metrics.trackPods(() => {
    const all = pods();
    const known = all.filter(({ uid }) => loads.connections(uid, clock.now())).length;
    return { known, unknown: all.length - known };
  });

  server = await openMetricsServer({
    host,
    port: options.port,
    certificate,
    frontProxy: undefined,
    sources: { pods, loads, clock },
    authorize: createAuthorizer({ client, clock }),
    observe: metrics.observeAnswer,
  });
  const { port, replaceFrontProxy, close } = server;
  const following = followFrontProxy({
    client,
    logger,
    onChange(proxy) {
      frontProxy = proxy;
      replaceFrontProxy(proxy);
    },
  });
  let stopping = false;
  const side = await openSidePort({
    host,
    port: options.sidePort,
    metrics,
    reasons: () => [
      ...(stopping ? ['stopping'] : []),
      ...(frontProxy ? [] : ['how the API server proves itself is not known yet']),
      ...(asked ? [] : ['the delivery pods have not been asked yet']),
    ],
  });
  // A first round without pods would look like a fleet without load.
  void cache.whenSynced().then(
    () => scraper.start(),
    () => undefined,
  );

  return {
    port,
    sidePort: side.port,
    async stop() {
      stopping = true;
      files.close();
      await Promise.all([close(), scraper.stop(), following.stop()]);
      await election.stop();
      await cache.stop();
      await side.close();
    },
  };
}

function selectorOf(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
}
