import type { Manifest } from '@starling/cdk8s/parts';
import {
  account,
  autoscaler,
  budget,
  claim,
  configMap,
  deployment,
  headless,
  ingress,
  job,
  pod,
  policy,
  scaledByOthers,
  secret,
  service,
  statefulSet,
  volume,
} from './manifests.ts';

/** An object of ours, and what others do to it. Manifests are without their namespace. */
export interface Scenario {
  name: string;
  desired: Manifest;
  /** What there must be beside it: applied first, and deleted at last. */
  beside?: Manifest;
  /** Applied by us first, in its place; `false`: nothing is. */
  before?: Manifest | false;
  /** What others apply then. */
  byApply?: readonly { manager: string; manifest: Manifest }[];
  /** What others do then: arguments of kubectl; `-`: the desired manifest as a file. */
  by?: readonly (readonly string[])[];
  /** What to wait for at last: a jsonpath of the object and the value that it is to have. */
  until?: { path: string; value: string };
}

const patch = (kind: string, body: object, name = 'web', type = 'strategic', manager = 'kubectl-patch') => [
  'patch',
  kind,
  name,
  '--type',
  type,
  '--field-manager',
  manager,
  '-p',
  JSON.stringify(body),
];
const inPod = (spec: object) => ({ spec: { template: { spec } } });

/** Each is recorded for operator/kube/drift.test.ts, and played on the real API to its good end. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'deployment', desired: deployment },
  { name: 'deployment-env-changed', desired: deployment, by: [['set', 'env', 'deployment/web', 'A=2']] },
  {
    name: 'deployment-env-changed-back',
    desired: deployment,
    by: [
      ['set', 'env', 'deployment/web', 'A=2'],
      ['set', 'env', 'deployment/web', 'A=1'],
    ],
  },
  { name: 'deployment-env-added', desired: deployment, by: [['set', 'env', 'deployment/web', 'NEW=1']] },
  { name: 'deployment-env-removed', desired: deployment, by: [['set', 'env', 'deployment/web', 'A-']] },
  {
    name: 'deployment-env-reordered',
    desired: deployment,
    by: [
      patch(
        'deployment',
        [{ op: 'replace', path: '/spec/template/spec/containers/0/env', value: [...(pod.spec.containers[0]?.env ?? [])].reverse() }],
        'web',
        'json',
      ),
    ],
  },
  { name: 'deployment-label-added', desired: deployment, by: [['label', 'deployment', 'web', 'team=x']] },
  { name: 'deployment-label-removed', desired: deployment, by: [['label', 'deployment', 'web', 'starling.chat/cluster-']] },
  { name: 'deployment-annotated', desired: deployment, by: [['annotate', 'deployment', 'web', 'note=x']] },
  { name: 'deployment-restarted', desired: deployment, by: [['rollout', 'restart', 'deployment/web']] },
  { name: 'deployment-paused', desired: deployment, by: [['rollout', 'pause', 'deployment/web']] },
  { name: 'deployment-image', desired: deployment, by: [['set', 'image', 'deployment/web', 'web=localhost/evil:1']] },
  {
    name: 'deployment-sidecar',
    desired: deployment,
    by: [patch('deployment', inPod({ containers: [{ name: 'sidecar', image: 'localhost/none:2', ports: [{ containerPort: 1 }] }] }))],
  },
  {
    name: 'deployment-init-container',
    desired: deployment,
    by: [patch('deployment', inPod({ initContainers: [{ name: 'first', image: 'localhost/none:2' }] }))],
  },
  {
    name: 'deployment-host-path',
    desired: deployment,
    by: [
      patch(
        'deployment',
        [{ op: 'replace', path: '/spec/template/spec/volumes/0', value: { name: 'tmp', hostPath: { path: '/' } } }],
        'web',
        'json',
      ),
    ],
  },
  {
    name: 'deployment-token-mounted',
    desired: deployment,
    by: [patch('deployment', [{ op: 'remove', path: '/spec/template/spec/automountServiceAccountToken' }], 'web', 'json')],
  },
  {
    name: 'deployment-privileged',
    desired: deployment,
    by: [
      patch(
        'deployment',
        inPod({ containers: [{ name: 'web', securityContext: { privileged: true, allowPrivilegeEscalation: true, runAsUser: 0 } }] }),
      ),
    ],
  },
  {
    name: 'deployment-node-selected',
    desired: deployment,
    by: [patch('deployment', inPod({ nodeSelector: { disk: 'ssd' }, tolerations: [{ operator: 'Exists' }] }))],
  },
  {
    name: 'deployment-args',
    desired: deployment,
    by: [patch('deployment', inPod({ containers: [{ name: 'web', args: ['a', 'b', 'c'] }] }))],
  },
  {
    name: 'deployment-quantity',
    desired: deployment,
    by: [['set', 'resources', 'deployment/web', '--requests', 'cpu=2,memory=1Gi', '--limits', 'memory=1Gi']],
  },
  { name: 'deployment-scaled', desired: deployment, by: [['scale', 'deployment/web', '--replicas', '2']] },
  {
    name: 'deployment-injected',
    desired: deployment,
    by: [patch('deployment', inPod({ containers: [{ name: 'proxy', image: 'localhost/none:2' }] }), 'web', 'strategic', 'mesh-injector')],
  },
  {
    name: 'deployment-applied-by-other',
    desired: deployment,
    byApply: [
      {
        manager: 'gitops',
        manifest: {
          ...deployment,
          spec: { ...deployment.spec, template: { ...pod, spec: { ...pod.spec, hostNetwork: true, dnsPolicy: 'Default' } } },
        },
      },
    ],
  },
  { name: 'deployment-shared', desired: deployment, byApply: [{ manager: 'gitops', manifest: deployment }] },
  {
    name: 'deployment-env-dropped',
    desired: deployment,
    before: {
      ...deployment,
      spec: {
        ...deployment.spec,
        template: {
          ...pod,
          spec: {
            ...pod.spec,
            containers: [{ ...pod.spec.containers[0], env: [...(pod.spec.containers[0]?.env ?? []), { name: 'OLD', value: '1' }] }],
          },
        },
      },
    },
  },
  { name: 'deployment-by-create', desired: deployment, before: false, by: [['create', '-f', '-']] },
  {
    name: 'delivery-scaled-by-hpa',
    desired: scaledByOthers,
    byApply: [
      {
        manager: 'starling-replicas',
        manifest: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 1 } },
      },
    ],
    by: [['autoscale', 'deployment', 'web', '--min', '2', '--max', '3', '--cpu-percent', '80']],
    until: { path: '{.spec.replicas}', value: '2' },
  },
  { name: 'delivery-scaled-by-hand', desired: scaledByOthers, by: [['scale', 'deployment/web', '--replicas', '0']] },
  { name: 'stateful-set', desired: statefulSet, until: { path: '{.status.observedGeneration}', value: '1' } },
  { name: 'service', desired: service },
  { name: 'service-headless', desired: headless },
  { name: 'service-port-added', desired: service, by: [patch('service', { spec: { ports: [{ name: 'more', port: 9 }] } })] },
  { name: 'service-selector-added', desired: service, by: [patch('service', { spec: { selector: { evil: 'x' } } })] },
  { name: 'service-node-port', desired: service, by: [patch('service', { spec: { type: 'NodePort' } })] },
  { name: 'config-map-key-added', desired: configMap, by: [patch('configmap', { data: { more: 'x' } }, 'web', 'merge')] },
  { name: 'config-map-changed', desired: configMap, by: [patch('configmap', { data: { 'config.json': '{"a":1}' } }, 'web', 'merge')] },
  { name: 'config-map-binary', desired: configMap, by: [patch('configmap', { binaryData: { more: 'AAEC' } }, 'web', 'merge')] },
  { name: 'config-map-emptied', desired: configMap, by: [patch('configmap', [{ op: 'remove', path: '/data' }], 'web', 'json')] },
  { name: 'secret-key-added', desired: secret, by: [patch('secret', { data: { more: 'AAEC' } }, 'web', 'merge')] },
  { name: 'secret-changed', desired: secret, by: [patch('secret', { data: { key: 'AAAA' } }, 'web', 'merge')] },
  { name: 'service-account', desired: account },
  {
    name: 'service-account-token',
    desired: account,
    by: [patch('serviceaccount', { automountServiceAccountToken: true }, 'web', 'merge')],
  },
  {
    name: 'service-account-pull-secret',
    desired: account,
    by: [patch('serviceaccount', { imagePullSecrets: [{ name: 'mine' }] }, 'web', 'merge')],
  },
  { name: 'budget', desired: budget },
  { name: 'budget-changed', desired: budget, by: [patch('pdb', { spec: { maxUnavailable: '100%' } }, 'web', 'merge')] },
  { name: 'policy', desired: policy },
  {
    name: 'policy-peer-added',
    desired: policy,
    by: [patch('networkpolicy', { spec: { ingress: [...policy.spec.ingress, {}] } }, 'web', 'merge')],
  },
  {
    name: 'policy-peer-widened',
    desired: policy,
    by: [patch('networkpolicy', [{ op: 'add', path: '/spec/ingress/0/from/1/namespaceSelector', value: {} }], 'web', 'json')],
  },
  { name: 'ingress', desired: ingress },
  {
    name: 'ingress-rule-added',
    desired: ingress,
    by: [patch('ingress', [{ op: 'add', path: '/spec/rules/-', value: { host: 'evil.example' } }], 'web', 'json')],
  },
  { name: 'ingress-annotated', desired: ingress, by: [['annotate', 'ingress', 'web', 'nginx.ingress.kubernetes.io/proxy-body-size=1']] },
  { name: 'autoscaler', desired: autoscaler },
  { name: 'autoscaler-changed', desired: autoscaler, by: [patch('hpa', { spec: { maxReplicas: 99 } }, 'web', 'merge')] },
  {
    name: 'autoscaler-metric',
    desired: autoscaler,
    by: [patch('hpa', [{ op: 'replace', path: '/spec/metrics/0/pods/target/averageValue', value: '1' }], 'web', 'json')],
  },
  { name: 'claim-bound', desired: claim, beside: volume, until: { path: '{.status.phase}', value: 'Bound' } },
  { name: 'job', desired: job, until: { path: '{.status.active}', value: '1' } },
  { name: 'job-label-added', desired: job, by: [['label', 'job', 'expand', 'team=x']] },
];
