import type { KubeObject } from '@starling/operator/kube/index.ts';

/** One thing that somebody does to an object of ours. */
export interface Tampering {
  what: string;
  /** JSON merge patch, or JSON patch for an array. */
  patch: object;
}

const FOREIGN = 'example.com/foreign';
const SIDECAR = {
  name: 'sidecar',
  image: 'localhost/node:24.21.0',
  args: ['-e', 'setInterval(() => {}, 1e9)'],
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, runAsNonRoot: true },
};

/** All that is tried on an object: what any object has, and what its kind has. */
export function tamperingsOf(object: KubeObject): Tampering[] {
  const owned = (object.metadata.ownerReferences ?? []).length > 0;
  return [
    { what: 'a foreign label', patch: { metadata: { labels: { [FOREIGN]: 'x' } } } },
    { what: 'a foreign annotation', patch: { metadata: { annotations: { [FOREIGN]: 'x' } } } },
    { what: 'a changed label', patch: { metadata: { labels: { 'app.kubernetes.io/managed-by': 'somebody' } } } },
    { what: 'the loss of the label that it is found by', patch: { metadata: { labels: { 'starling.chat/cluster': null } } } },
    ...(owned ? [{ what: 'the loss of its owner', patch: { metadata: { ownerReferences: null } } }] : []),
    ...ofKind(object),
  ];
}

function ofKind(object: KubeObject): Tampering[] {
  switch (object.kind) {
    case 'ConfigMap':
    case 'Secret':
      return ofData(object);
    case 'ServiceAccount':
      return [
        { what: 'a token in its pods', patch: { automountServiceAccountToken: true } },
        { what: 'a foreign pull secret', patch: { imagePullSecrets: [{ name: 'foreign' }] } },
      ];
    case 'Service':
      return [
        { what: 'a foreign selector', patch: { spec: { selector: { [FOREIGN]: 'x' } } } },
        add('a foreign port', '/spec/ports/-', { name: 'foreign', port: 12_345 }),
        replace('another port', '/spec/ports/0/port', 12_346),
        ...(isHeadless(object) ? [] : [{ what: 'a way from outside', patch: { spec: { type: 'NodePort' } } }]),
      ];
    case 'Deployment':
      return [...ofPods(object), { what: 'another strategy', patch: { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } } }];
    case 'StatefulSet':
      return [...ofPods(object), { what: 'no pods', patch: { spec: { replicas: 0 } } }];
    case 'PodDisruptionBudget':
      return [{ what: 'no eviction', patch: { spec: { maxUnavailable: 0 } } }];
    case 'HorizontalPodAutoscaler':
      return [
        { what: 'another maximum', patch: { spec: { maxReplicas: 50 } } },
        add('a foreign metric', '/spec/metrics/-', {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
        }),
      ];
    case 'Ingress':
      return [
        replace('another host', '/spec/rules/0/host', 'evil.starling.test'),
        add('a foreign path', '/spec/rules/0/http/paths/-', {
          path: '/evil',
          pathType: 'Prefix',
          backend: { service: { name: 'evil', port: { number: 80 } } },
        }),
      ];
    case 'NetworkPolicy':
      return [
        { what: 'everybody let in', patch: { spec: { ingress: [{}] } } },
        { what: 'everybody let out', patch: { spec: { egress: [{}] } } },
        { what: 'half of its meaning', patch: { spec: { policyTypes: ['Egress'] } } },
      ];
    case 'Job':
      return [{ what: 'an end of its own', patch: { spec: { ttlSecondsAfterFinished: 86_400 } } }];
    default:
      return [];
  }
}

function ofData(object: KubeObject): Tampering[] {
  if (object['immutable']) return [];
  const isSecret = object.kind === 'Secret';
  const text = (content: string) => (isSecret ? Buffer.from(content).toString('base64') : content);
  const [first = ''] = Object.keys((object['data'] ?? {}) as object);
  return [
    { what: 'a foreign key', patch: { data: { foreign: text('x') } } },
    { what: 'another value', patch: { data: { [first]: text('changed') } } },
    { what: 'the loss of a key', patch: { data: { [first]: null } } },
  ];
}

function ofPods(object: KubeObject): Tampering[] {
  const { containers } = (object as { spec?: { template: { spec: { containers: { env?: object[] }[] } } } }).spec!.template.spec;
  const variable = { name: 'NODE_OPTIONS', value: '--no-warnings' };
  const path = '/spec/template/spec/containers';
  return [
    containers[0]?.env ? add('a foreign variable', `${path}/0/env/-`, variable) : add('a foreign variable', `${path}/0/env`, [variable]),
    add('a foreign container', `${path}/-`, SIDECAR),
    replace('another image', `${path}/0/image`, 'localhost/busybox:1'),
    { what: 'a foreign label of its pods', patch: { spec: { template: { metadata: { labels: { [FOREIGN]: 'x' } } } } } },
  ];
}

function isHeadless(object: KubeObject): boolean {
  return (object as { spec?: { clusterIP?: string } }).spec?.clusterIP === 'None';
}

function add(what: string, path: string, value: unknown): Tampering {
  return { what, patch: [{ op: 'add', path, value }] };
}

function replace(what: string, path: string, value: unknown): Tampering {
  return { what, patch: [{ op: 'replace', path, value }] };
}
