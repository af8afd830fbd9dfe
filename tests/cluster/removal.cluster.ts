import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createNamespace,
  deleteNamespace,
  installOperator,
  kubectl,
  type LiveObject,
  listObjects,
  OPERATOR_NAMESPACE,
  readObject,
  uninstallOperator,
  waitUntil,
} from './support/index.ts';
import { bringUp, ensureOperator } from './support/small-cluster.ts';

const GONE_MS = 60_000;
/** Kinds of the whole cluster of which the installation has some. */
const KINDS =
  'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,apiservices,customresourcedefinitions';

describe('the operator, once uninstalled', () => {
  let namespace: string;

  beforeAll(async () => {
    await ensureOperator();
    namespace = await createNamespace('uninstall');
    await bringUp(namespace);
  }, 600_000);
  // Other tests need it.
  afterAll(async () => {
    await deleteNamespace(namespace);
    await installOperator();
  });

  it('leaves nothing that is its own, by plain `kubectl delete`', async () => {
    const started = performance.now();
    await uninstallOperator();
    // With the role that owns it.
    await waitUntil(
      'the registration of the metrics API to be gone',
      GONE_MS,
      async () => !(await readObject('default', 'apiservice/v1beta2.custom.metrics.k8s.io')),
    );
    console.log(`uninstalled in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    expect(await kubectl(['get', 'namespace', OPERATOR_NAMESPACE, '--ignore-not-found'])).toBe('');
    const left = (await listObjects('default', KINDS)).filter(
      ({ metadata }) => /starling/.test(metadata.name) && !/starling\.test/.test(metadata.name),
    );
    expect(left.map(nameWithKind)).toEqual([]);
  }, 300_000);

  it('holds back no namespace that has been left to itself: it is gone in a minute', async () => {
    const left = await listObjects(namespace, 'persistentvolumeclaims,secrets');
    const finalizers = left.flatMap(({ metadata }) => (metadata.finalizers ?? []) as string[]);
    expect(left.length).toBeGreaterThan(0);
    expect(finalizers.filter((finalizer) => !finalizer.startsWith('kubernetes.io/'))).toEqual([]);
    const started = performance.now();
    await kubectl(['delete', 'namespace', namespace, '--timeout=60s']);
    const seconds = (performance.now() - started) / 1000;
    console.log(`the namespace was gone in ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThanOrEqual(60);
  }, 120_000);
});

function nameWithKind({ kind, metadata }: LiveObject): string {
  return `${kind}/${metadata.name}`;
}
