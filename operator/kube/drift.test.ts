import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findDrift } from './drift.ts';
import { findForeign, takeOverFields } from './foreign.ts';
import { isSameQuantity } from './quantity.ts';
import type { KubeObject } from './types.ts';

interface Recorded {
  name: string;
  desired: KubeObject;
  live: KubeObject;
}

/** What Kubernetes 1.34 made of objects of ours that others changed, by tests/cluster/drift/record.ts. */
const RECORDED = readFileSync(new URL('recorded-drift.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

const EXPECTED: Record<string, string[]> = {
  deployment: [],
  'deployment-env-changed': ['differs spec.template.spec.containers[name=web].env[name=A].value'],
  'deployment-env-changed-back': ['taken spec.template.spec.containers[name=web].env[name=A].value'],
  'deployment-env-added': ['foreign spec.template.spec.containers[name=web].env[name=NEW] by kubectl-set'],
  'deployment-env-removed': ['differs spec.template.spec.containers[name=web].env[0]'],
  'deployment-env-reordered': ['differs spec.template.spec.containers[name=web].env'],
  'deployment-label-added': ['foreign metadata.labels.team by kubectl-label'],
  'deployment-label-removed': ['differs metadata.labels[starling.chat/cluster]'],
  'deployment-annotated': ['foreign metadata.annotations.note by kubectl-annotate'],
  'deployment-restarted': ['foreign spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt] by kubectl-rollout'],
  'deployment-paused': ['foreign spec.paused by kubectl-rollout'],
  'deployment-image': ['differs spec.template.spec.containers[name=web].image'],
  'deployment-sidecar': ['foreign spec.template.spec.containers[name=sidecar] by kubectl-patch'],
  'deployment-init-container': ['foreign spec.template.spec.initContainers[name=first] by kubectl-patch'],
  'deployment-host-path': [
    'foreign spec.template.spec.volumes[name=tmp].hostPath.path by kubectl-patch',
    'foreign spec.template.spec.volumes[name=tmp].hostPath.type by kubectl-patch',
  ],
  'deployment-token-mounted': ['differs spec.template.spec.automountServiceAccountToken'],
  'deployment-privileged': [
    'differs spec.template.spec.containers[name=web].securityContext',
    'foreign spec.template.spec.containers[name=web].securityContext.runAsUser by kubectl-patch',
  ],
  'deployment-node-selected': ['taken spec.template.spec.nodeSelector', 'foreign spec.template.spec.tolerations by kubectl-patch'],
  'deployment-args': ['differs spec.template.spec.containers[name=web].args'],
  'deployment-quantity': [
    'differs spec.template.spec.containers[name=web].resources.requests.cpu',
    'foreign spec.template.spec.containers[name=web].resources.limits.memory by kubectl-set',
  ],
  'deployment-scaled': ['differs spec.replicas'],
  'deployment-injected': ['foreign spec.template.spec.containers[name=proxy] by mesh-injector'],
  'deployment-applied-by-other': [
    'differs spec.template.spec.hostNetwork',
    'differs spec.template.spec.containers[name=web].env[name=EMPTY].value',
    'taken spec.template.spec.containers[name=web].resources',
    'differs spec.template.spec.containers[name=web].volumeMounts[mountPath=/tmp].readOnly',
    'foreign spec.template.spec.dnsPolicy by gitops',
  ],
  'deployment-shared': [
    'differs spec.template.spec.hostNetwork',
    'differs spec.template.spec.containers[name=web].env[name=EMPTY].value',
    'taken spec.template.spec.containers[name=web].resources',
    'differs spec.template.spec.containers[name=web].volumeMounts[mountPath=/tmp].readOnly',
  ],
  'deployment-env-dropped': ['stale spec.template.spec.containers[name=web].env[name=OLD]'],
  'deployment-by-create': [
    'taken metadata',
    'taken spec',
    'foreign spec.progressDeadlineSeconds by kubectl-create',
    'foreign spec.revisionHistoryLimit by kubectl-create',
    'foreign spec.strategy.rollingUpdate.maxSurge by kubectl-create',
    'foreign spec.strategy.rollingUpdate.maxUnavailable by kubectl-create',
    'foreign spec.strategy.type by kubectl-create',
    'foreign spec.template.spec.containers[name=web].imagePullPolicy by kubectl-create',
    'foreign spec.template.spec.containers[name=web].ports[containerPort=8443,protocol=TCP].protocol by kubectl-create',
    'foreign spec.template.spec.containers[name=web].terminationMessagePath by kubectl-create',
    'foreign spec.template.spec.containers[name=web].terminationMessagePolicy by kubectl-create',
    'foreign spec.template.spec.dnsPolicy by kubectl-create',
    'foreign spec.template.spec.restartPolicy by kubectl-create',
    'foreign spec.template.spec.schedulerName by kubectl-create',
    'foreign spec.template.spec.securityContext by kubectl-create',
  ],
  'delivery-scaled-by-hpa': [],
  'delivery-scaled-by-hand': [],
  'stateful-set': [],
  service: [],
  'service-headless': [],
  'service-port-added': ['foreign spec.ports[port=9,protocol=TCP] by kubectl-patch'],
  'service-selector-added': ['taken spec.selector'],
  'service-node-port': ['foreign spec.externalTrafficPolicy by kubectl-patch', 'foreign spec.type by kubectl-patch'],
  'config-map-key-added': ['foreign data.more by kubectl-patch'],
  'config-map-changed': ['differs data'],
  'config-map-binary': ['foreign binaryData.more by kubectl-patch'],
  'config-map-emptied': ['differs data'],
  'secret-key-added': ['foreign data.more by kubectl-patch'],
  'secret-changed': ['differs data'],
  'service-account': [],
  'service-account-token': ['differs automountServiceAccountToken'],
  'service-account-pull-secret': ['foreign imagePullSecrets by kubectl-patch'],
  budget: [],
  'budget-changed': ['differs spec.maxUnavailable'],
  policy: [],
  'policy-peer-added': ['differs spec.ingress'],
  'policy-peer-widened': ['taken spec.ingress'],
  ingress: [],
  'ingress-rule-added': ['differs spec'],
  'ingress-annotated': ['foreign metadata.annotations[nginx.ingress.kubernetes.io/proxy-body-size] by kubectl-annotate'],
  autoscaler: [],
  'autoscaler-changed': ['differs spec.maxReplicas'],
  'autoscaler-metric': ['differs spec.metrics'],
  'claim-bound': [],
  job: [],
  'job-label-added': ['foreign metadata.labels.team by kubectl-label'],
};

const ours = { manager: 'starling', allowForeign: [] };

function tell(desired: KubeObject, live: KubeObject, whose: { manager: string; allowForeign: readonly string[] } = ours): string[] {
  return findDrift(desired, live, whose).map(
    ({ cause, path, manager }) => `${cause} ${path}${manager === undefined ? '' : ` by ${manager}`}`,
  );
}

function recorded(name: string): Recorded {
  const found = RECORDED.find((record) => record.name === name);
  if (!found) throw new Error(`nothing is recorded of ${name}`);
  return found;
}

describe('drift, as recorded from a real API server', () => {
  it('has an expectation for each recording', () => {
    expect(RECORDED.map(({ name }) => name).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(RECORDED)('of $name', ({ name, desired, live }) => {
    expect(tell(desired, live)).toEqual(EXPECTED[name]);
  });

  it('is not what a manager added that may', () => {
    const { desired, live } = recorded('deployment-injected');
    expect(tell(desired, live, { ...ours, allowForeign: ['mesh-injector'] })).toEqual([]);
    expect(tell(desired, live, { ...ours, allowForeign: ['mesh'] })).toHaveLength(1);
  });

  it('is what a manager changed of ours, even if it may add', () => {
    const { desired, live } = recorded('deployment-image');
    expect(tell(desired, live, { ...ours, allowForeign: ['kubectl-set'] })).toEqual(EXPECTED['deployment-image']);
  });

  it('is whatever we no longer want', () => {
    const { desired, live } = recorded('deployment');
    const { spec, ...rest } = structuredClone(desired);
    const { template } = spec as { template: { spec: { containers: { env: object[] }[] } } };
    template.spec.containers[0]!.env.pop();
    expect(tell({ ...rest, spec } as KubeObject, live)).toEqual(['stale spec.template.spec.containers[name=web].env[name=EMPTY]']);
  });

  it('is all of an object that was never applied by us', () => {
    const { desired, live } = recorded('config-map-changed');
    const { managedFields: _, ...metadata } = live.metadata;
    expect(tell(desired, { ...live, metadata })).toEqual(['taken metadata', 'differs data']);
  });
});

describe('a take-over', () => {
  it.each(RECORDED)('of $name leaves nothing foreign and what is exempt', ({ desired, live }) => {
    const managedFields = takeOverFields(desired, live, ours);
    const taken = { ...live, metadata: { ...live.metadata, managedFields } };
    expect(findForeign(desired, taken, ours)).toEqual([]);
    const untouched = live.metadata.managedFields?.filter(({ subresource }) => subresource === 'status') ?? [];
    expect(managedFields).toEqual(expect.arrayContaining(untouched));
    expect(managedFields.filter(({ manager, operation }) => manager === 'starling' && operation === 'Apply')).toHaveLength(1);
  });

  it('makes what they added ours, so that it is stale', () => {
    const { desired, live } = recorded('deployment-sidecar');
    const taken = { ...live, metadata: { ...live.metadata, managedFields: takeOverFields(desired, live, ours) } };
    expect(tell(desired, taken)).toEqual(['stale spec.template.spec.containers[name=sidecar]']);
  });

  it('leaves the replicas to the autoscaler', () => {
    const { desired, live } = recorded('delivery-scaled-by-hpa');
    expect(takeOverFields(desired, live, ours).filter(({ subresource }) => subresource === 'scale')).toMatchObject([
      { manager: 'kube-controller-manager', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
    ]);
  });

  it('leaves the managers that may', () => {
    const { desired, live } = recorded('deployment-injected');
    const managers = takeOverFields(desired, live, { ...ours, allowForeign: ['mesh-injector'] }).map(({ manager }) => manager);
    expect(managers).toContain('mesh-injector');
  });
});

describe('quantities', () => {
  it.each([
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['0.5', '500m'],
    ['1e3', '1k'],
    [1, '1000m'],
    ['100m', '0.1'],
  ])('%s is %s', (one, other) => {
    expect(isSameQuantity(one, other)).toBe(true);
  });

  it.each([
    ['1000m', '1001m'],
    ['1Gi', '1G'],
    ['1', 'x'],
    ['x', 'x'],
    [undefined, undefined],
    ['1', ''],
  ])('%s is not %s', (one, other) => {
    expect(isSameQuantity(one, other)).toBe(false);
  });
});
