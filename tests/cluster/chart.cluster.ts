import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ensureHelm } from './support/helm.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const CHART = join(ROOT, 'charts/starling-operator');

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
}

async function render(...values: string[]): Promise<Manifest[]> {
  const settings = values.flatMap((value) => ['--set-json', value]);
  const { stdout } = await run(
    await ensureHelm(),
    ['template', 'starling', CHART, '--namespace', 'starling-system', '--kube-version', '1.30.0', ...settings],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return parse(stdout);
}

function parse(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

/** By kind, namespace and name. The namespace itself is Helm's to make, and only Helm keeps what it uninstalls. */
function byName(manifests: Manifest[]): Record<string, unknown> {
  const compared = manifests.filter(({ kind }) => kind !== 'Namespace');
  return Object.fromEntries(
    compared.map(({ kind, metadata: { annotations: { 'helm.sh/resource-policy': _, ...annotations } = {}, ...metadata }, ...rest }) => [
      [kind, metadata.namespace, metadata.name].join('/'),
      { kind, metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata, ...rest },
    ]),
  );
}

async function manifests(file: string): Promise<Manifest[]> {
  return parse(await readFile(join(ROOT, 'k8s', file), 'utf8'));
}

it('is what kubectl apply would install, by default without the metrics API', async () => {
  expect(byName(await render())).toEqual(byName(await manifests('operator-without-metrics-api.yaml')));
});

it('is what kubectl apply would install, with the metrics API and KEDA', async () => {
  const expected = [...(await manifests('operator.yaml')), ...(await manifests('operator-keda.yaml'))];
  expect(byName(await render('metricsApi.enabled=true', 'keda.enabled=true'))).toEqual(byName(expected));
});

it('keeps the definition of ChatCluster, and leaves it out if told so', async () => {
  const definition = (all: Manifest[]) => all.find(({ kind }) => kind === 'CustomResourceDefinition');
  expect(definition(await render())?.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
  expect(definition(await render('crds.install=false'))).toBeUndefined();
});

it('has rights in the watched namespaces alone', async () => {
  const all = await render('watchNamespaces=["a","b"]', 'metricsApi.enabled=true', 'keda.enabled=true');
  const bindings = all.filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding');
  const named = (name: string) =>
    bindings.filter(({ metadata }) => metadata.name === name).map(({ kind, metadata }) => `${kind} ${metadata.namespace}`);
  expect(named('starling-operator').sort()).toEqual(['RoleBinding a', 'RoleBinding b', 'RoleBinding starling-system']);
  expect(named('starling-operator-keda').sort()).toEqual(['RoleBinding a', 'RoleBinding b']);
  expect(named('starling-metrics-api')).toEqual(expect.arrayContaining(['RoleBinding a', 'RoleBinding b', 'RoleBinding kube-system']));
  const everywhere = bindings.filter(({ kind }) => kind === 'ClusterRoleBinding').map(({ metadata }) => metadata.name);
  expect(everywhere.sort()).toEqual(['starling-metrics-api-reviews', 'starling-operator-metrics-api']);
  expect(JSON.stringify(all)).toContain('--watch-namespaces=a,b');
});

it('passes on what values say', async () => {
  const all = await render(
    'allowedRegistries=["r.example.com/a/","r.example.com/b/"]',
    'image.tag="9.9.9"',
    'imagePullSecrets=[{"name":"pull"}]',
    'operator.replicas=3',
    'operator.nodeSelector={"a":"b"}',
    'operator.tolerations=[{"operator":"Exists"}]',
    'apiServer={"networks":["192.0.2.1/32"],"ports":[6443]}',
  );
  const find = (kind: string) => all.find((manifest) => manifest.kind === kind && manifest.metadata.name === 'starling-operator');
  expect(find('Deployment')).toMatchObject({
    spec: {
      replicas: 3,
      template: {
        spec: {
          imagePullSecrets: [{ name: 'pull' }],
          nodeSelector: { a: 'b' },
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              image: 'ghcr.io/starling-chat/starling-operator:9.9.9',
              args: expect.arrayContaining(['--allowed-registries=r.example.com/a/,r.example.com/b/']),
            },
          ],
        },
      },
    },
  });
  expect(find('NetworkPolicy')).toMatchObject({
    spec: { egress: [{}, { to: [{ ipBlock: { cidr: '192.0.2.1/32' } }], ports: [{ protocol: 'TCP', port: 6443 }] }] },
  });
});

it('refuses values that are not its own, or would end a line', async () => {
  await expect(render('watchNamespace=["a"]')).rejects.toThrow(/watchNamespace/);
  await expect(render('image.tag="1\\n- --other"')).rejects.toThrow(/tag/);
});
