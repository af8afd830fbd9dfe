import { expect, it } from 'vitest';
import type { WrittenSpec } from '../chat-cluster/index.ts';
import { renderAutoscale } from './autoscale.ts';
import { inputOf, MINIMAL } from './test-inputs.ts';

type Scaling = NonNullable<WrittenSpec['autoscaling']>;

const rendered = (autoscaling: Scaling) => renderAutoscale(inputOf({ ...MINIMAL, autoscaling, delivery: { drainSeconds: 45 } }));
const RANGE: Scaling = { minReplicas: 3, maxReplicas: 12, targetConnections: 1500, connectionCap: 2000, windowSeconds: 120 };

it.each(['Builtin', 'PrometheusAdapter'] as const)('scales by connections and refusals of each pod with source %s', (source) => {
  const [autoscaler, ...others] = rendered({ ...RANGE, source });
  expect(others).toEqual([]);
  expect(autoscaler).toMatchObject({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'acme-delivery' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'acme-delivery' },
      minReplicas: 3,
      maxReplicas: 12,
      metrics: [
        { type: 'Pods', pods: { metric: { name: 'starling_connections' }, target: { type: 'AverageValue', averageValue: '1500' } } },
        { type: 'Pods', pods: { metric: { name: 'starling_refused_upgrades_per_second' }, target: { averageValue: '1' } } },
      ],
    },
  });
});

it('takes away one pod in the time that a pod drains, after the window, and adds at once', () => {
  const [autoscaler] = rendered({ ...RANGE, source: 'Builtin' });
  expect((autoscaler as unknown as { spec: { behavior: unknown } }).spec.behavior).toMatchObject({
    scaleDown: { stabilizationWindowSeconds: 120, policies: [{ type: 'Pods', value: 1, periodSeconds: 45 }] },
    scaleUp: { stabilizationWindowSeconds: 0 },
  });
});

it('leaves it to KEDA with source Keda, by the same measures', () => {
  const [scaled] = rendered({ ...RANGE, source: 'Keda', prometheusUrl: 'http://prometheus.monitoring.svc:9090' });
  expect(scaled).toMatchObject({
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    spec: {
      scaleTargetRef: { name: 'acme-delivery' },
      minReplicaCount: 3,
      maxReplicaCount: 12,
      advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 120 } } } },
      triggers: [
        { type: 'prometheus', metadata: { serverAddress: 'http://prometheus.monitoring.svc:9090', threshold: '1500' } },
        { type: 'prometheus', metadata: { threshold: '1' } },
      ],
    },
  });
});

it('asks for no pods of a ChatCluster whose name begins with the name of the Deployment', () => {
  const [scaled] = rendered({ ...RANGE, source: 'Keda', prometheusUrl: 'http://prometheus.monitoring.svc:9090' });
  const { spec } = scaled as unknown as { spec: { triggers: { metadata: { query: string } }[] } };
  for (const { metadata } of spec.triggers) {
    const pods = new RegExp(`^(?:${/pod=~"(.+?)"/.exec(metadata.query)?.[1] ?? ''})$`);
    expect('acme-delivery-5d8f9c7b6d-x2x4z').toMatch(pods);
    expect('acme-delivery-delivery-5d8f9c7b6d-x2x4z').not.toMatch(pods);
  }
});

it('renders nothing without an autoscaler', () => {
  expect(rendered({ source: 'None' })).toEqual([]);
});
