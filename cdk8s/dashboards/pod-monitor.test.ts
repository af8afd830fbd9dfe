import { readFile } from 'node:fs/promises';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SELECTORS } from '../installation/metadata.ts';
import { labelsOf, MONITORING_LABEL } from '../parts/labels.ts';
import { PORTS } from '../parts/ports.ts';
import { renderDashboard } from './index.ts';

interface PodMonitor {
  spec: {
    selector: { matchLabels: Record<string, string>; matchExpressions: { key: string; operator: string; values: string[] }[] };
    podMetricsEndpoints: { port: string; relabelings: { sourceLabels: string[]; targetLabel: string }[] }[];
  };
}

const text = await readFile(new URL('../../k8s/samples/pod-monitor.yaml', import.meta.url), 'utf8');
const { spec } = parse(text) as PodMonitor;

function selects(labels: Record<string, string>): boolean {
  const { matchLabels, matchExpressions } = spec.selector;
  const all = Object.entries(matchLabels).every(([label, value]) => labels[label] === value);
  return all && matchExpressions.every(({ key, operator, values }) => operator === 'NotIn' && !values.includes(labels[key] ?? ''));
}

it('selects all pods that have a side port, and no others', () => {
  const without = ['postgres', 'redpanda', 'migrate'];
  for (const component of SERVICE_NAMES) expect(selects(labelsOf('chat', component)), component).toBe(true);
  for (const labels of Object.values(SELECTORS)) expect(selects(labels)).toBe(true);
  for (const component of without) expect(selects(labelsOf('chat', component)), component).toBe(false);
  expect(spec.podMetricsEndpoints.map(({ port }) => port)).toEqual(['side']);
  expect(Object.keys(PORTS)).toContain('side');
});

it('gives the label by which the dashboard chooses, and names the label that opens the network', () => {
  const targets = spec.podMetricsEndpoints.flatMap(({ relabelings }) => relabelings.map(({ targetLabel }) => targetLabel));
  expect(JSON.stringify(renderDashboard())).toContain('starling_cluster=~');
  expect(targets).toContain('starling_cluster');
  expect(text).toContain(`${MONITORING_LABEL}=true`);
});
