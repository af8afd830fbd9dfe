import { renderDashboard } from '@starling/cdk8s/dashboards';
import { TOPICS } from '@starling/contracts/log';
import type { EventLog } from '@starling/platform/log';
import { createMetrics } from '@starling/platform/metrics';
import { beforeAll, describe, expect, it } from 'vitest';
import { createOperatorMetrics } from '../runtime/index.ts';
import { createMetricsApiMetrics } from './metrics.ts';

/** By the name of each series that a process has told: the names of its labels. */
const exposed = new Map<string, Set<string>>();

/** What Prometheus and the PodMonitor of the samples add to each series. */
const ADDED = ['namespace', 'pod', 'starling_cluster', 'component'];
const FUNCTIONS = ['sum', 'min', 'max', 'rate', 'histogram_quantile', 'by'];

beforeAll(async () => {
  const services = createMetrics();
  const delivery = services.of('delivery');
  const log = { endOffsets: async () => [5] } as Pick<EventLog, 'endOffsets'> as EventLog;
  delivery.observeRequest('GET', '/v1/users', 200, 0.1);
  delivery.observeCall('Membership', 'ok', 0.1);
  delivery.observeAppend(TOPICS[0], 'written', 0.1);
  delivery.observeSend('ok', 0.1);
  delivery.observeDelivery(0.1);
  delivery.trackConnections(() => 1);
  delivery.countRefusedUpgrade('connection-cap');
  delivery.countDrop('slow-consumer');
  delivery.countReconnectHints('drain', 1);
  delivery.observeDrain(1);
  delivery.trackRing(TOPICS[0], () => [{ records: 1, seconds: 1 }]);
  delivery.trackLag('tail', TOPICS[0], log, () => [1]);
  const operator = createOperatorMetrics();
  operator.observeReconcile('done', 0.1);
  const metricsApi = createMetricsApiMetrics();
  metricsApi.observeAnswer(200);
  metricsApi.observeScrape('answered', 0.1);
  metricsApi.observeAnnotation('written');
  for (const { scrape } of [services, operator, metricsApi]) for (const line of (await scrape()).text.split('\n')) note(line);
});

function note(line: string): void {
  const [, name, labels = ''] = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? /.exec(line) ?? [];
  if (name === undefined) return;
  const names = [...labels.matchAll(/([a-z_]+)="/g)].map(([, label = '']) => label);
  exposed.set(name, new Set([...(exposed.get(name) ?? []), ...names]));
}

const dashboard = renderDashboard();
const expressions = (dashboard.panels ?? []).flatMap((panel) => {
  const { title = '', targets = [] } = panel as { title?: string; targets?: { expr?: string }[] };
  return targets.map(({ expr = '' }) => ({ title, expr }));
});

/** The series that an expression asks for, and the labels that it knows them by. */
function readExpression(expression: string): { metrics: string[]; labels: string[] } {
  const labels = [...expression.matchAll(/([a-z_]+)(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label);
  const groups = [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)/g, ' ');
  const words = [...bare.matchAll(/[a-z_:][a-z0-9_:]*/gi)].map(([word]) => word);
  return { metrics: words.filter((word) => !FUNCTIONS.includes(word)), labels: [...labels, ...groups] };
}

describe('the dashboard', () => {
  it('asks in each panel for series that exist, by labels that they have', () => {
    expect(expressions.length).toBeGreaterThan(20);
    for (const { title, expr } of expressions) {
      const { metrics, labels } = readExpression(expr);
      expect(metrics.length, `${title}: ${expr}`).toBeGreaterThan(0);
      for (const metric of metrics) {
        expect([...exposed.keys()], title).toContain(metric);
        for (const label of labels) expect([...(exposed.get(metric) ?? []), ...ADDED], `${title}: ${metric}`).toContain(label);
      }
    }
  });

  it('shows connections, deliveries, latencies, lag, refused upgrades and reconciles', () => {
    const asked = new Set(expressions.flatMap(({ expr }) => readExpression(expr).metrics));
    for (const metric of [
      'starling_connections',
      'starling_delivery_seconds_count',
      'starling_delivery_seconds_bucket',
      'starling_send_seconds_bucket',
      'starling_log_lag_records',
      'starling_refused_upgrades_total',
      'starling_operator_reconcile_seconds_count',
      'starling_metrics_api_pods',
    ])
      expect([...asked]).toContain(metric);
  });

  it('names in legends only labels that are left', () => {
    for (const panel of dashboard.panels ?? []) {
      const { title = '', targets = [] } = panel as { title?: string; targets?: { expr?: string; legendFormat?: string }[] };
      for (const { expr = '', legendFormat = '' } of targets) {
        const left = /by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? ADDED;
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(left, title).toContain(label);
      }
    }
  });

  it('is the same each time, with an id for each panel', () => {
    expect(JSON.stringify(renderDashboard())).toBe(JSON.stringify(dashboard));
    const ids = (dashboard.panels ?? []).map((panel) => (panel as { id?: number }).id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
  });
});
