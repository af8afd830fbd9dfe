import { describe, expect, it } from 'vitest';
import type { Manifest } from '../parts/index.ts';
import { defaultOptions, type InstallationOptions, renderInstallation, renderKedaRights } from './index.ts';
import type { PolicyRule } from './rights.ts';

const options = defaultOptions('1.2.3');

function render(changes: Partial<InstallationOptions> = {}): Manifest[] {
  return [...renderInstallation({ ...options, ...changes }), ...renderKedaRights({ ...options, ...changes })];
}

function find<T = Manifest>(manifests: Manifest[], kind: string, name: string, namespace?: string): T {
  const found = manifests.find(
    (manifest) => manifest.kind === kind && manifest.metadata.name === name && manifest.metadata.namespace === namespace,
  );
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found as T;
}

const rulesOf = (manifests: Manifest[]) =>
  manifests.flatMap(({ metadata, ...manifest }) =>
    ((manifest['rules'] ?? []) as PolicyRule[]).map((rule) => ({ role: metadata.name, ...rule })),
  );

describe('rights', () => {
  it('have no wildcard, and none by which there would be more', () => {
    const rules = rulesOf(render());
    expect(rules.length).toBeGreaterThan(15);
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
    for (const word of [
      '*',
      'escalate',
      'bind',
      'impersonate',
      'deletecollection',
      'pods/exec',
      'nodes',
      'namespaces',
      'serviceaccounts/token',
    ]) {
      expect(words).not.toContain(word);
    }
    const onRoles = rules.filter(({ apiGroups }) => apiGroups.includes('rbac.authorization.k8s.io'));
    expect(onRoles).toMatchObject([{ resources: ['clusterroles'], verbs: ['get'], resourceNames: ['starling-operator'] }]);
  });

  it('never let the operator delete volumes', () => {
    const verbs = rulesOf(render())
      .filter(({ resources }) => resources.includes('persistentvolumeclaims'))
      .flatMap((rule) => rule.verbs);
    expect(verbs).toContain('patch');
    expect(verbs).not.toContain('delete');
  });

  it('are aggregated into no role of Kubernetes', () => {
    for (const { metadata, ...manifest } of render()) {
      expect(Object.keys(metadata.labels ?? {}).filter((label) => label.includes('aggregate'))).toEqual([]);
      expect(manifest).not.toHaveProperty('aggregationRule');
    }
  });

  it('are bound everywhere unless namespaces are named, and there alone if so', () => {
    const bindings = (manifests: Manifest[], kind: string) =>
      manifests.filter((manifest) => manifest.kind === kind).map(({ metadata: { namespace = '', name } }) => `${namespace}/${name}`);
    expect(bindings(render(), 'ClusterRoleBinding')).toContain('/starling-operator');
    const watching = render({ watchNamespaces: ['a', 'b'] });
    // What is left everywhere is about what lies in no namespace.
    expect(bindings(watching, 'ClusterRoleBinding').sort()).toEqual(['/starling-metrics-api-reviews', '/starling-operator-metrics-api']);
    for (const name of ['starling-operator', 'starling-metrics-api', 'starling-operator-keda']) {
      expect(bindings(watching, 'RoleBinding')).toEqual(expect.arrayContaining([`a/${name}`, `b/${name}`]));
    }
  });

  it('on the registry of metrics are there only with the metrics API', () => {
    const groups = (manifests: Manifest[]) => rulesOf(manifests).flatMap((rule) => rule.apiGroups);
    expect(groups(render())).toContain('apiregistration.k8s.io');
    expect(groups(render({ metricsApi: false }))).not.toContain('apiregistration.k8s.io');
  });
});

describe('pods', () => {
  interface Pod {
    automountServiceAccountToken: boolean;
    securityContext: object;
    containers: { name: string; args: string[]; securityContext: object; ports: { containerPort: number; name: string }[] }[];
  }
  const podOf = (manifests: Manifest[], name: string) =>
    find<{ spec: { replicas: number; template: { spec: Pod } } }>(manifests, 'Deployment', name, 'starling-system').spec;

  it.each(['starling-operator', 'starling-metrics-api'])('of %s are two, restricted, and the only ones with a token', (name) => {
    const { replicas, template } = podOf(render(), name);
    expect(replicas).toBe(2);
    expect(template.spec).toMatchObject({
      automountServiceAccountToken: true,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } } }],
    });
    expect(find(render(), 'ServiceAccount', name, 'starling-system')).toMatchObject({ automountServiceAccountToken: false });
  });

  it('are told what the options say', () => {
    const args = (changes: Partial<InstallationOptions>) => podOf(render(changes), 'starling-operator').template.spec.containers[0]?.args;
    expect(args({})).toEqual(
      expect.arrayContaining([
        'operator/main.ts',
        '--namespace=starling-system',
        '--version=1.2.3',
        '--metrics-api=on',
        '--side-port=9090',
      ]),
    );
    expect(args({})?.join()).not.toMatch(/watch-namespaces|allowed-registries/);
    expect(args({ metricsApi: false, watchNamespaces: ['a', 'b'], allowedRegistries: ['r/'] })).toEqual(
      expect.arrayContaining(['--metrics-api=off', '--watch-namespaces=a,b', '--allowed-registries=r/']),
    );
  });
});

it('lies in a namespace in which nothing that is not restricted can run', () => {
  expect(find(render(), 'Namespace', 'starling-system').metadata.labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
  });
});

it('lets both programs reach the API, and the metrics API the side port of delivery, and nothing else', () => {
  interface Policy {
    spec: { egress: { to?: object[]; ports: { port: number }[] }[] };
  }
  const ports = (name: string) =>
    find<Policy>(render(), 'NetworkPolicy', name, 'starling-system').spec.egress.map((edge) => edge.ports.map(({ port }) => port));
  expect(ports('starling-operator')).toEqual([
    [53, 53],
    [443, 6443],
  ]);
  expect(ports('starling-metrics-api')).toEqual([[53, 53], [443, 6443], [9090]]);
  expect(JSON.stringify(render({ apiServer: { networks: ['192.0.2.1/32'], ports: [6443] } }))).not.toContain('0.0.0.0/0');
});
