import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestOutcome } from '../kube/index.ts';

/** What the operator measures. */
export interface OperatorMetrics {
  observeRequest(outcome: RequestOutcome): void;
  observeReconcile(result: 'done' | 'failed', seconds: number): void;
  /** A watch of the kind begins, by a list or going on; or one failed. */
  countWatch(kind: string, event: 'list' | 'watch' | 'error'): void;
  countDrift(kind: string, cause: string): void;
  setLeader(leads: boolean): void;
  /** Asked at each scrape. */
  trackDepth(depth: () => number): void;
  /** The text of a scrape; what `openSidePort` asks for. */
  scrape(): Promise<{ contentType: string; text: string }>;
}

export function createOperatorMetrics(): OperatorMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const reconciles = new Histogram({
    registers,
    name: 'starling_operator_reconcile_seconds',
    help: 'Reconciles of one ChatCluster by result',
    labelNames: ['result'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
  });
  const requests = new Histogram({
    registers,
    name: 'starling_operator_request_seconds',
    help: 'Requests to the Kubernetes API by verb, resource and status (0: no answer), watches apart',
    labelNames: ['verb', 'resource', 'status'],
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
  });
  const watches = new Counter({
    registers,
    name: 'starling_operator_watches_total',
    help: 'Watches begun by a list or going on, and failures of either',
    labelNames: ['kind', 'event'],
  });
  const drift = new Counter({
    registers,
    name: 'starling_operator_drift_total',
    help: 'Fields of owned objects that were put back, by cause',
    labelNames: ['kind', 'cause'],
  });
  const leader = new Gauge({ registers, name: 'starling_operator_leader', help: '1: this process leads' });
  leader.set(0);
  let depthNow = () => 0;
  new Gauge({
    registers,
    name: 'starling_operator_queue_depth',
    help: 'ChatClusters that wait to be reconciled',
    collect() {
      this.set(depthNow());
    },
  });

  return {
    observeRequest: ({ verb, resource, status, seconds }) => requests.observe({ verb, resource, status }, seconds),
    observeReconcile: (result, seconds) => reconciles.observe({ result }, seconds),
    countWatch: (kind, event) => watches.inc({ kind, event }),
    countDrift: (kind, cause) => drift.inc({ kind, cause }),
    setLeader: (leads) => leader.set(leads ? 1 : 0),
    trackDepth(depth) {
      depthNow = depth;
    },
    scrape: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
