import type { Topic } from '@starling/contracts/log';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { AppendRefused, type EventLog, withAppend } from '../log/index.ts';

const COLLECT_MS = 1_500;
const DRAIN_BUCKETS = [0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
const LATENCY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** `refused`: certainly not written. */
type AppendOutcome = 'written' | 'refused' | 'unknown';

/** What one service measures; the label `service` is its name. All times are seconds. */
export interface ServiceMetrics {
  /** Rate, errors and duration of each HTTP route. */
  observeRequest(method: string, route: string, status: number, seconds: number): void;
  /** The same of each RPC method; `code` is the name of a gRPC status. */
  observeCall(method: string, code: string, seconds: number): void;
  /** One append, from the call to the log's answer. */
  observeAppend(topic: Topic, outcome: AppendOutcome, seconds: number): void;
  /** One send, from its arrival at the pod to its outcome. */
  observeSend(outcome: 'ok' | 'refused' | 'unknown', seconds: number): void;
  /** One record, from the log's time of it to its frames' being handed to the sockets. */
  observeDelivery(seconds: number): void;
  /** Asked at each scrape: how many sockets are open. */
  trackConnections(count: () => number): void;
  /** One upgrade that was answered without a socket, though nothing was wrong with it. */
  countRefusedUpgrade(reason: string): void;
  /** One socket that the server closed; `reason` is the close code's name. */
  countDrop(reason: string): void;
  /** Sockets that were asked to connect anew. */
  countReconnectHints(reason: string, sockets: number): void;
  /** One drain, from the call to the last socket's end. */
  observeDrain(seconds: number): void;
  /** Asked at each scrape: what can be replayed of each partition of a topic, in records and in seconds back from now. */
  trackRing(topic: Topic, spans: () => { records: number; seconds: number }[]): void;
  /** Asked at each scrape: how many records of a topic the reader has not read yet, per partition that it reads (`undefined`: it does not). */
  trackLag(reader: string, topic: Topic, log: EventLog, next: () => (number | undefined)[]): void;
}

/** The metrics of a process, for all services in it. */
export interface Metrics {
  of(service: string): ServiceMetrics;
  /** The text of a scrape, in Prometheus's exposition format. */
  scrape(): Promise<{ contentType: string; text: string }>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const latency = { buckets: LATENCY_BUCKETS, registers: [registry] };
  const requests = new Histogram({
    ...latency,
    name: 'starling_http_request_seconds',
    help: 'HTTP requests by route and status',
    labelNames: ['service', 'method', 'route', 'status'],
  });
  const calls = new Histogram({
    ...latency,
    name: 'starling_rpc_seconds',
    help: 'RPC calls by method and code',
    labelNames: ['service', 'method', 'code'],
  });
  const appends = new Histogram({
    ...latency,
    name: 'starling_log_append_seconds',
    help: 'Appends to the log',
    labelNames: ['service', 'topic', 'outcome'],
  });
  const sends = new Histogram({
    ...latency,
    name: 'starling_send_seconds',
    help: 'Sends, from arrival to outcome',
    labelNames: ['service', 'outcome'],
  });
  const deliveries = new Histogram({
    ...latency,
    name: 'starling_delivery_seconds',
    help: "From a record's time in the log to the sockets",
    labelNames: ['service'],
  });
  const drains = new Histogram({
    buckets: DRAIN_BUCKETS,
    registers: [registry],
    name: 'starling_drain_seconds',
    help: 'Drains, from the first hint to the last socket',
    labelNames: ['service'],
  });
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames: ['service', 'reason'], registers: [registry] });
  const refusedUpgrades = counter('starling_refused_upgrades_total', 'Upgrades that were answered 503');
  const drops = counter('starling_socket_drops_total', 'Sockets that the server closed, by the name of the close code');
  const hints = counter('starling_reconnect_hints_total', 'Sockets that were asked to connect anew');
  const collectors: (() => Promise<void>)[] = [];
  const gauge = (name: string, help: string, labelNames: string[]) => new Gauge({ name, help, labelNames, registers: [registry] });
  const connections = gauge('starling_connections', 'Open sockets', ['service']);
  const lag = gauge('starling_log_lag_records', 'Records of the log that a reader has not read yet', [
    'service',
    'reader',
    'topic',
    'partition',
  ]);
  const ringRecords = gauge('starling_ring_records', 'Records that can be replayed', ['service', 'topic', 'partition']);
  const ringSeconds = gauge('starling_ring_seconds', 'How far back they reach', ['service', 'topic', 'partition']);

  return {
    of: (service) => ({
      observeRequest: (method, route, status, seconds) => requests.observe({ service, method, route, status }, seconds),
      observeCall: (method, code, seconds) => calls.observe({ service, method, code }, seconds),
      observeAppend: (topic, outcome, seconds) => appends.observe({ service, topic, outcome }, seconds),
      observeSend: (outcome, seconds) => sends.observe({ service, outcome }, seconds),
      observeDelivery: (seconds) => deliveries.observe({ service }, seconds),
      trackConnections: (count) => collectors.push(async () => connections.set({ service }, count())),
      countRefusedUpgrade: (reason) => refusedUpgrades.inc({ service, reason }),
      countDrop: (reason) => drops.inc({ service, reason }),
      countReconnectHints: (reason, sockets) => hints.inc({ service, reason }, sockets),
      observeDrain: (seconds) => drains.observe({ service }, seconds),
      trackRing: (topic, spans) =>
        collectors.push(async () => {
          for (const [partition, { records, seconds }] of spans().entries()) {
            ringRecords.set({ service, topic, partition }, records);
            ringSeconds.set({ service, topic, partition }, seconds);
          }
        }),
      trackLag: (reader, topic, log, next) =>
        collectors.push(async () => {
          const ends = await log.endOffsets(topic);
          for (const [partition, offset] of next().entries()) {
            const labels = { service, reader, topic, partition };
            if (offset === undefined) lag.remove(labels);
            else lag.set(labels, Math.max(0, (ends[partition] ?? 0) - offset));
          }
        }),
    }),
    async scrape() {
      // A log that does not answer leaves its gauges as they were, and all else is told.
      await Promise.allSettled(collectors.map((collect) => Promise.race([collect(), patience()])));
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** A scrape must answer before whoever asks gives it up. */
function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, COLLECT_MS).unref());
}

/** The same log, each append of which is measured. */
export function measureAppends(log: EventLog, metrics: ServiceMetrics): EventLog {
  return withAppend(log, async (topic, partition, records) => {
    const begun = performance.now();
    const observe = (outcome: AppendOutcome) => metrics.observeAppend(topic, outcome, (performance.now() - begun) / 1000);
    try {
      const offsets = await log.append(topic, partition, records);
      observe('written');
      return offsets;
    } catch (error) {
      observe(error instanceof AppendRefused ? 'refused' : 'unknown');
      throw error;
    }
  });
}
