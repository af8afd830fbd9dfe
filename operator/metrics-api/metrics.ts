import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the metrics API measures of itself. */
export interface MetricsApiMetrics {
  observeScrape(outcome: 'answered' | 'failed', seconds: number): void;
  observeAnswer(status: number): void;
  observeAnnotation(outcome: 'written' | 'failed'): void;
  /** Asked at each scrape. */
  trackPods(count: () => { known: number; unknown: number }): void;
  trackLeader(leads: () => boolean): void;
  scrape(): Promise<{ contentType: string; text: string }>;
}

export function createMetricsApiMetrics(): MetricsApiMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const scrapes = new Histogram({
    name: 'starling_metrics_api_scrape_seconds',
    help: 'Questions to delivery pods for their load',
    labelNames: ['outcome'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2],
    registers,
  });
  const answers = new Counter({
    name: 'starling_metrics_api_answers_total',
    help: 'Answers to the API server by HTTP status',
    labelNames: ['status'],
    registers,
  });
  const annotations = new Counter({
    name: 'starling_metrics_api_annotations_total',
    help: 'Writes of annotations on delivery pods',
    labelNames: ['outcome'],
    registers,
  });
  let countPods: () => { known: number; unknown: number } = () => ({ known: 0, unknown: 0 });
  let leads = () => false;
  new Gauge({
    name: 'starling_metrics_api_pods',
    help: 'Delivery pods that take sockets, by whether their load is known',
    labelNames: ['load'],
    registers,
    collect() {
      for (const [load, count] of Object.entries(countPods())) this.set({ load }, count);
    },
  });
  new Gauge({
    name: 'starling_metrics_api_leader',
    help: 'Whether this replica annotates the pods',
    registers,
    collect() {
      this.set(leads() ? 1 : 0);
    },
  });
  return {
    observeScrape: (outcome, seconds) => scrapes.observe({ outcome }, seconds),
    observeAnswer: (status) => answers.inc({ status }),
    observeAnnotation: (outcome) => annotations.inc({ outcome }),
    trackPods(count) {
      countPods = count;
    },
    trackLeader(asked) {
      leads = asked;
    },
    scrape: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
