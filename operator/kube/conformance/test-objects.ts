import type { Manifest } from '@starling/cdk8s/parts';
import type { Drift } from '../drift.ts';

export const CLUSTER = 'demo';
const labels = { 'app.kubernetes.io/name': 'starling', 'starling.chat/cluster': CLUSTER };
const select = { 'app.kubernetes.io/component': 'web' };

export function configMap(namespace: string, name: string, data: Record<string, string>): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data };
}

const container = {
  name: 'web',
  image: 'localhost/none:1',
  args: ['a', 'b'],
  env: [{ name: 'A', value: '1' }],
  ports: [{ name: 'http', containerPort: 8443 }],
};

/** Without pods. */
export function deployment(namespace: string, name: string): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels, annotations: { 'starling.chat/own': 'yes' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: select },
      template: {
        metadata: { labels: select },
        spec: { automountServiceAccountToken: false, containers: [container], volumes: [{ name: 'tmp', emptyDir: {} }] },
      },
    },
  };
}

/** What others do to an object of ours. */
export interface Change {
  name: string;
  of: 'Deployment' | 'ConfigMap';
  /** A field manager. */
  by: string;
  /** JSON merge patch: of a list all items. */
  patch: object;
  /** Among the causes that are found. */
  cause: Drift['cause'];
}

const inPod = (spec: object) => ({ spec: { template: { spec } } });

export const CHANGES: Change[] = [
  {
    name: 'an added variable',
    of: 'Deployment',
    by: 'kubectl-edit',
    patch: inPod({ containers: [{ ...container, env: [...container.env, { name: 'NEW', value: '1' }] }] }),
    cause: 'foreign',
  },
  {
    name: 'a changed variable',
    of: 'Deployment',
    by: 'kubectl-edit',
    patch: inPod({ containers: [{ ...container, env: [{ name: 'A', value: '2' }] }] }),
    cause: 'differs',
  },
  {
    name: 'a removed variable',
    of: 'Deployment',
    by: 'kubectl-edit',
    patch: inPod({ containers: [{ ...container, env: [] }] }),
    cause: 'differs',
  },
  {
    name: 'a sidecar',
    of: 'Deployment',
    by: 'injector',
    patch: inPod({ containers: [container, { name: 'sidecar', image: 'localhost/none:2' }] }),
    cause: 'foreign',
  },
  {
    name: 'an image',
    of: 'Deployment',
    by: 'kubectl-set',
    patch: inPod({ containers: [{ ...container, image: 'localhost/none:2' }] }),
    cause: 'differs',
  },
  {
    name: 'an added argument',
    of: 'Deployment',
    by: 'kubectl-edit',
    patch: inPod({ containers: [{ ...container, args: ['a', 'b', 'c'] }] }),
    cause: 'differs',
  },
  {
    name: 'a removed setting whose default is another',
    of: 'Deployment',
    by: 'kubectl-edit',
    patch: inPod({ automountServiceAccountToken: null }),
    cause: 'differs',
  },
  {
    name: 'a setting that was left to its default',
    of: 'Deployment',
    by: 'kubectl-edit',
    patch: { spec: { paused: true } },
    cause: 'foreign',
  },
  { name: 'replicas', of: 'Deployment', by: 'kubectl-scale', patch: { spec: { replicas: 1 } }, cause: 'differs' },
  { name: 'an added label', of: 'Deployment', by: 'kubectl-label', patch: { metadata: { labels: { team: 'x' } } }, cause: 'foreign' },
  {
    name: 'a removed label',
    of: 'Deployment',
    by: 'kubectl-label',
    patch: { metadata: { labels: { 'app.kubernetes.io/name': null } } },
    cause: 'differs',
  },
  {
    name: 'an added annotation',
    of: 'Deployment',
    by: 'kubectl-annotate',
    patch: { metadata: { annotations: { note: 'x' } } },
    cause: 'foreign',
  },
  {
    name: 'a changed annotation',
    of: 'Deployment',
    by: 'kubectl-annotate',
    patch: { metadata: { annotations: { 'starling.chat/own': 'no' } } },
    cause: 'differs',
  },
  { name: 'an added data key', of: 'ConfigMap', by: 'kubectl-edit', patch: { data: { b: '2' } }, cause: 'foreign' },
  { name: 'a changed data key', of: 'ConfigMap', by: 'kubectl-edit', patch: { data: { a: '2' } }, cause: 'differs' },
  { name: 'a removed data key', of: 'ConfigMap', by: 'kubectl-edit', patch: { data: { a: null } }, cause: 'differs' },
  { name: 'data of another form', of: 'ConfigMap', by: 'kubectl-edit', patch: { binaryData: { b: 'AAEC' } }, cause: 'foreign' },
];
