import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultOptions, renderMetricsApi } from '@starling/cdk8s/installation';
import type { Manifest } from '@starling/cdk8s/parts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apply, createNamespace, deleteNamespace, kubectl } from './support/index.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAM = 'starling-metrics-api';

describe('the manifests of an installation', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await createNamespace('install');
  });
  afterAll(() => deleteNamespace(namespace));

  it.each(['operator.yaml', 'operator-without-metrics-api.yaml', 'operator-keda.yaml'])(
    '%s is accepted, no field unknown',
    async (file) => {
      // A dry run makes no namespace either, and refuses what would lie in it: another stands for it.
      const manifests = (await readFile(join(ROOT, 'k8s', file), 'utf8')).replaceAll('starling-system', namespace);
      const answer = await kubectl(
        ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '--filename', '-'],
        manifests,
      );
      expect(answer.trim().split('\n')).toHaveLength(manifests.match(/^kind: /gm)?.length ?? 0);
    },
  );
});

describe('whoever runs as the metrics API', () => {
  let namespace: string;
  let cleanUp: () => Promise<unknown> = async () => {};

  beforeAll(async () => {
    namespace = await createNamespace('guard');
    // Objects of the whole cluster get names of this test's own, beside an installation that may be there.
    const kinds = ['ClusterRole', 'ClusterRoleBinding', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];
    const rendered = renderMetricsApi({ ...defaultOptions('0.0.0'), namespace }).filter(
      ({ kind, metadata: { name } }) => kind === 'ServiceAccount' || (kinds.includes(kind) && name === PROGRAM),
    );
    const renamed = rendered.map((manifest) => (manifest.kind === 'ServiceAccount' ? manifest : rename(manifest, namespace)));
    cleanUp = () =>
      kubectl([
        'delete',
        '--ignore-not-found',
        ...renamed.filter(({ kind }) => kinds.includes(kind)).map(({ kind, metadata }) => `${kind}/${metadata.name}`),
      ]);
    await apply(namespace, renamed);
    // kubectl reads what it patches; the metrics API has it from its watch.
    await kubectl([
      '--namespace',
      namespace,
      'create',
      'rolebinding',
      'view',
      '--clusterrole=view',
      `--serviceaccount=${namespace}:${PROGRAM}`,
    ]);
    await apply(namespace, [pod('delivery', 'delivery'), pod('web', 'web')]);
  });
  afterAll(async () => {
    await cleanUp();
    await deleteNamespace(namespace);
  });

  /** Another name for the object and for what it refers to; the ServiceAccount keeps its own. */
  function rename(manifest: Manifest, name: string): Manifest {
    const { metadata, roleRef, spec } = structuredClone(manifest) as Manifest & {
      roleRef?: { name: string };
      spec?: { policyName?: string };
    };
    if (spec?.policyName) spec.policyName = name;
    return { ...manifest, metadata: { ...metadata, name }, ...(roleRef && { roleRef: { ...roleRef, name } }), ...(spec && { spec }) };
  }

  function pod(name: string, component: string): object {
    const labels = { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/component': component, 'starling.chat/cluster': 'demo' };
    const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels, annotations: { kept: 'yes' } },
      spec: {
        // Nowhere: what happens to the object alone counts here.
        nodeSelector: { 'starling.test/nowhere': 'true' },
        securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{ name: 'main', image: 'localhost/absent:1', securityContext }],
      },
    };
  }

  function patch(name: string, body: object): Promise<string> {
    const as = `--as=system:serviceaccount:${namespace}:${PROGRAM}`;
    const args = ['--namespace', namespace, as, 'patch', 'pod', name, '--type=strategic', '--patch', JSON.stringify(body)];
    return kubectl(args).catch((error: Error) => error.message);
  }

  it('may annotate pods of delivery with their connections and the cost of their deletion', async () => {
    const annotations = { 'starling.chat/connections': '7', 'controller.kubernetes.io/pod-deletion-cost': '100' };
    // The policy is in force a moment after it is made; what it allows is allowed before as well.
    expect(await patch('delivery', { metadata: { annotations } })).toMatch(/patched/);
    await expect.poll(() => patch('web', { metadata: { annotations } }), { timeout: 30_000 }).toMatch(/may change only pods of delivery/);
    expect(await patch('delivery', { metadata: { annotations: { ...annotations, 'starling.chat/connections': '8' } } })).toMatch(/patched/);
    expect(await patch('delivery', { metadata: { annotations: { 'starling.chat/connections': null } } })).toMatch(/patched/);
  });

  it.each([
    ['an image', { spec: { containers: [{ name: 'main', image: 'evil.example.com/x:1' }] } }, /may change only annotations/],
    ['a label', { metadata: { labels: { 'app.kubernetes.io/component': 'web' } } }, /may change only annotations/],
    ['a finalizer', { metadata: { finalizers: ['example.com/never'] } }, /may change only annotations/],
    ['another annotation', { metadata: { annotations: { other: 'x' } } }, /may change only the annotations starling\.chat\/connections/],
    ['an annotation of others', { metadata: { annotations: { kept: 'no' } } }, /may change only the annotations/],
    ['the absence of one', { metadata: { annotations: { kept: null } } }, /may change only the annotations/],
  ])('may not change %s', async (_, body, message) => {
    expect(await patch('delivery', body)).toMatch(message);
  });
});
