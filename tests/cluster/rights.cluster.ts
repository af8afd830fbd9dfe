import { type KubeClient, type KubeObject, RESOURCES, referenceOf } from '@starling/operator/kube/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectApi } from './support/api.ts';
import { installChatCluster, smallChatCluster, waitReady } from './support/chat-cluster.ts';
import {
  type AuditedRequest,
  apply,
  createNamespace,
  deleteNamespace,
  installOperator,
  isOwnCluster,
  kubectl,
  OPERATOR_NAMESPACE,
  patchObject,
  readAuditLog,
  readObject,
  uninstallOperator,
  waitUntil,
} from './support/index.ts';
import { leftoverOf } from './support/leftovers.ts';
import { listOwned, OWNED_KINDS } from './support/owned-objects.ts';
import { type GrantedRule, readGrantedRules, rightsOf, rightsUsed } from './support/rights.ts';

const NAME = 'rights';
const API_SERVICE = 'v1beta2.custom.metrics.k8s.io';
const TLS = { resource: RESOURCES.Secret, namespace: OPERATOR_NAMESPACE, name: 'starling-metrics-api-tls' };
const HEAL_MS = 120_000;
/** Which rights nobody needs who only makes what a ChatCluster consists of. */
const TOO_MUCH = ['*', 'escalate', 'bind', 'impersonate'];

const ACCOUNTS = ['starling-operator', 'starling-metrics-api'];
const rules = new Map<string, GrantedRule[]>();
let begun: number;

beforeAll(async () => {
  begun = Date.now();
  // From nothing: what is made at the first start is part of the life.
  await uninstallOperator();
  await installOperator();
  for (const account of ACCOUNTS) rules.set(account, await readGrantedRules(OPERATOR_NAMESPACE, account));
}, 300_000);

describe.each(ACCOUNTS)('the rights of %s', (account) => {
  it('are named one by one', () => {
    const granted = rules.get(account) ?? [];
    expect(granted.length).toBeGreaterThan(3);
    for (const { apiGroups = [], resources = [], verbs } of granted)
      for (const word of [...apiGroups, ...resources, ...verbs]) expect(TOO_MUCH).not.toContain(word);
  });

  it('are not over roles, bindings, tokens, processes in pods, nodes, or admission', () => {
    const named = new Set((rules.get(account) ?? []).flatMap(({ resources = [] }) => resources));
    const dangerous = [
      ...['roles', 'rolebindings', 'clusterrolebindings', 'serviceaccounts/token', 'pods/exec', 'pods/attach', 'pods/ephemeralcontainers'],
      ...['nodes', 'nodes/proxy', 'certificatesigningrequests', 'mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
      ...['validatingadmissionpolicies', 'customresourcedefinitions', 'namespaces', 'persistentvolumes'],
    ];
    expect(dangerous.filter((resource) => named.has(resource))).toEqual([]);
  });

  it('over kinds of the whole cluster hold for objects by their names, or to see and to make', () => {
    const whole = (rules.get(account) ?? []).filter(({ apiGroups = [] }) =>
      apiGroups.some((group) => ['apiregistration.k8s.io', 'rbac.authorization.k8s.io'].includes(group)),
    );
    for (const { verbs, resourceNames } of whole)
      if (!resourceNames) expect(verbs.filter((verb) => !['list', 'watch', 'create'].includes(verb))).toEqual([]);
  });
});

describe.runIf(isOwnCluster)('a whole life, by the audit log', () => {
  let namespace: string;
  let client: KubeClient;
  let closeApi: () => Promise<void>;
  let requests: AuditedRequest[];

  beforeAll(async () => {
    namespace = await createNamespace('rights');
    ({ client, close: closeApi } = await connectApi());
    await live();
    requests = (await readAuditLog(begun)).filter(({ user }) => user === `system:serviceaccount:${OPERATOR_NAMESPACE}:starling-operator`);
    console.log(`a whole life: ${requests.length} requests`);
  }, 1_200_000);
  afterAll(async () => {
    await closeApi?.();
    await deleteNamespace(namespace);
  });

  /** Installation, a changed value, new keys, a volume that grows, what somebody broke and what an earlier version left, and the end. */
  async function live(): Promise<void> {
    await installChatCluster(namespace, smallChatCluster(NAME, { autoscaling: { source: 'Builtin', minReplicas: 1, maxReplicas: 2 } }));
    await patchObject(namespace, `chatcluster/${NAME}`, {
      metadata: { annotations: { 'starling.chat/rotate-keys': 'now' } },
      spec: {
        allowedOrigins: ['https://intranet.example.org'],
        data: { postgres: { builtin: { storage: { size: '2Gi' } } } },
        log: { retentionDays: 8 },
      },
    });
    await waitReady(namespace, NAME);
    await waitUntil('the keys to be replaced', HEAL_MS, async () => {
      const { annotations = {} } = (await readObject(namespace, `chatcluster/${NAME}`))?.['metadata'] ?? {};
      return annotations['starling.chat/rotate-keys'] === undefined;
    });
    await tamper();
    await breakRegistration();
    await leaveOver();
    await waitReady(namespace, NAME);
    await kubectl(['--namespace', namespace, 'delete', 'chatcluster', NAME, '--timeout=60s']);
  }

  /** One object of each kind, by a foreign label. */
  async function tamper(): Promise<void> {
    const objects = await listOwned(client, namespace, NAME);
    const one = [...new Map(objects.filter(({ kind }) => kind !== 'Job').map((object) => [object.kind, object])).values()];
    for (const object of one)
      await client.patch(referenceOf(object), { metadata: { labels: { 'starling.chat/cluster': 'another' } } }, { manager: 'somebody' });
    await waitUntil('all labels to be back', HEAL_MS, async () => {
      const now = await Promise.all(one.map((object) => client.get(referenceOf(object))));
      return now.every((object) => object?.metadata.labels?.['starling.chat/cluster'] === NAME);
    });
  }

  async function breakRegistration(): Promise<void> {
    const reference = { resource: RESOURCES.APIService, name: API_SERVICE };
    const bundle = (object: KubeObject | undefined) => (object?.['spec'] as { caBundle?: string } | undefined)?.caBundle;
    const before = bundle(await client.get(reference));
    await client.patch(TLS, { data: { 'tls.key': '' } });
    await client.patch(reference, { spec: { caBundle: null, insecureSkipTLSVerify: true } });
    await waitUntil('another authority of the metrics API', HEAL_MS, async () => {
      const now = bundle(await client.get(reference));
      return now !== undefined && now !== before;
    });
  }

  async function leaveOver(): Promise<void> {
    const { uid } = (await readObject(namespace, `chatcluster/${NAME}`))?.['metadata'] ?? {};
    const leftovers = OWNED_KINDS.filter(({ kind }) => kind !== 'PersistentVolumeClaim').map((resource) =>
      leftoverOf(resource, { name: NAME, uid }),
    );
    await apply(namespace, leftovers);
    await waitUntil('all leftovers to be gone', HEAL_MS, async () => {
      const left = await Promise.all(leftovers.map(({ kind, metadata }) => readObject(namespace, `${kind}/${metadata.name}`)));
      return left.every((object) => object === undefined || object['metadata'].deletionTimestamp !== undefined);
    });
  }

  it('is refused nothing', () => {
    expect(requests.filter(({ status }) => status === 403).map(({ verb, uri }) => `${verb} ${uri}`)).toEqual([]);
  });

  it('uses every right of the operator, to the last verb', () => {
    const used = new Set(rightsUsed(requests));
    const granted = rightsOf(rules.get('starling-operator') ?? []);
    expect(granted.filter((right) => !used.has(right))).toEqual([]);
    expect(granted.length).toBeGreaterThan(50);
    console.log(`${granted.length} rights, all used`);
  });

  it('needs no right but those of its roles', () => {
    const granted = new Set(rightsOf(rules.get('starling-operator') ?? []));
    // What every service account may: to ask which groups there are has no resource, and is not counted.
    expect(rightsUsed(requests).filter((right) => !granted.has(right))).toEqual([]);
  });
});
