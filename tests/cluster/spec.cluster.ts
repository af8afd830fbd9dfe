import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { completeSpec } from '@starling/cdk8s/chat-cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { apply, createNamespace, deleteNamespace, kubectl, type LiveObject, patchObject, readObject } from './support/index.ts';

// What the API server makes of ChatClusters, before any operator sees them.

const ROOT = join(import.meta.dirname, '../..');
const HOST = 'chat.example.com';
const EXTERNAL_POSTGRES = {
  host: 'db.example.com',
  database: 'starling',
  administrator: { name: 'db' },
  authority: { name: 'db', key: 'ca.crt' },
};
const EXTERNAL_LOG = { brokers: ['kafka.example.com:9093'], administrator: { name: 'kafka' }, authority: { name: 'kafka', key: 'ca.crt' } };
const MANY = 10_000;

let namespace: string;
let counter = 0;

beforeAll(async () => {
  await kubectl(['apply', '--server-side', '--force-conflicts', '--filename', join(ROOT, 'k8s/crd.yaml')]);
  await kubectl(['wait', '--for=condition=Established', 'customresourcedefinition/chatclusters.starling.chat', '--timeout=60s']);
  namespace = await createNamespace('spec');
});
afterAll(() => deleteNamespace(namespace));

function chatCluster(spec: object, name = `demo-${++counter}`): LiveObject {
  return { apiVersion: 'starling.chat/v1alpha1', kind: 'ChatCluster', metadata: { name }, spec };
}

/** As `kubectl apply` on the server's side: unknown fields are refused. Rejects with what the server says. */
function create(object: object): Promise<string> {
  // By apply on the server's side, since the one on the client's keeps a copy in an annotation, which is too small for hostile lists.
  return kubectl(['--namespace', namespace, 'apply', '--server-side', '--filename', '-'], JSON.stringify(object));
}

function refusal(object: object): Promise<string> {
  return create(object).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

describe('a spec that cannot be or should not be is refused at apply, by the name of the field', () => {
  const withHost = (spec: object) => ({ host: HOST, ...spec });
  const builtin = (log: object, postgres: object = {}) => withHost({ data: { postgres: { builtin: postgres }, log: { builtin: log } } });
  const cases: [what: string, spec: object, named: RegExp][] = [
    ['no host', {}, /spec\.host: Required/],
    ['an address as host', { host: '192.0.2.1' }, /spec\.host.*host must be a name, not an address/],
    ['a host with a line break at its end', { host: 'chat.example.com\n' }, /spec\.host/],
    ['a host with a line break within', { host: 'chat.example.com\nevil: true' }, /spec\.host/],
    ['a host with a path', { host: 'chat.example.com/x' }, /spec\.host/],
    ['a host with a port', { host: 'chat.example.com:80' }, /spec\.host/],
    ['a host in capitals', { host: 'Chat.example.com' }, /spec\.host/],
    ['a host with template code', { host: '{{ .Values }}' }, /spec\.host/],
    ['a host that is endless', { host: `${'a.'.repeat(200)}com` }, /spec\.host: Too long/],
    ['an origin with a path', withHost({ allowedOrigins: ['https://a.example.com/'] }), /spec\.allowedOrigins\[0\]/],
    ['any origin', withHost({ allowedOrigins: ['*'] }), /spec\.allowedOrigins\[0\]/],
    ['an origin twice', withHost({ allowedOrigins: ['https://a.b', 'https://a.b'] }), /spec\.allowedOrigins.*duplicate/i],
    [
      '10,000 origins',
      withHost({ allowedOrigins: Array.from({ length: MANY }, (_, i) => `https://a${i}.b`) }),
      /spec\.allowedOrigins: Too many/,
    ],
    [
      '10,000 foreign managers',
      withHost({ allowForeign: Array.from({ length: MANY }, (_, i) => `a${i}`) }),
      /spec\.allowForeign: Too many/,
    ],
    [
      '10,000 proxies',
      withHost({ ingress: { trustedProxies: Array.from({ length: MANY }, (_, i) => `10.0.${i >> 8}.${i & 255}`) } }),
      /spec\.ingress\.trustedProxies: Too many/,
    ],
    [
      '10,000 tolerations',
      withHost({ scheduling: { tolerations: Array.from({ length: MANY }, () => ({ operator: 'Exists' })) } }),
      /spec\.scheduling\.tolerations: Too many/,
    ],
    [
      '10,000 node labels',
      withHost({ scheduling: { nodeSelector: Object.fromEntries(Array.from({ length: MANY }, (_, i) => [`a${i}`, 'b'])) } }),
      /spec\.scheduling\.nodeSelector: Too many/,
    ],
    [
      '10,000 annotations',
      withHost({ ingress: { annotations: Object.fromEntries(Array.from({ length: MANY }, (_, i) => [`a${i}`, 'b'])) } }),
      /spec\.ingress\.annotations: Too many/,
    ],
    [
      '10,000 pull secrets',
      withHost({ image: { pullSecrets: Array.from({ length: MANY }, (_, i) => ({ name: `a${i}` })) } }),
      /spec\.image\.pullSecrets: Too many/,
    ],
    [
      'proxies that are all the world',
      withHost({ ingress: { trustedProxies: ['0.0.0.0/0'] } }),
      /trustedProxies must not trust every address/,
    ],
    ['a proxy that is no address', withHost({ ingress: { trustedProxies: ['999.1.1.1'] } }), /trustedProxies may hold only addresses/],
    ['a network of too many bits', withHost({ ingress: { trustedProxies: ['10.0.0.0/33'] } }), /trustedProxies may hold only addresses/],
    [
      'code in the ingress controller',
      withHost({ ingress: { annotations: { 'nginx.ingress.kubernetes.io/configuration-snippet': 'x' } } }),
      /annotations must not hold snippets/,
    ],
    [
      'code in the ingress controller, of HAProxy',
      withHost({ ingress: { annotations: { 'haproxy-ingress.github.io/config-backend': 'x' } } }),
      /annotations must not hold snippets/,
    ],
    ['a key of an annotation that is none', withHost({ ingress: { annotations: { 'a b': 'c' } } }), /annotations may hold only keys/],
    ['an annotation of two lines', withHost({ ingress: { annotations: { a: 'b\nc' } } }), /spec\.ingress\.annotations/],
    ['a label that is none', withHost({ scheduling: { nodeSelector: { 'a b': 'c' } } }), /nodeSelector may hold only keys of labels/],
    ['a label with a line break', withHost({ scheduling: { nodeSelector: { 'a\n': 'c' } } }), /nodeSelector may hold only keys of labels/],
    [
      'a toleration of nothing',
      withHost({ scheduling: { tolerations: [{ value: 'x' }] } }),
      /tolerations: one without key must have operator Exists/,
    ],
    [
      'min > max',
      withHost({ autoscaling: { minReplicas: 5, maxReplicas: 4 } }),
      /autoscaling\.maxReplicas must be at least autoscaling\.minReplicas/,
    ],
    ['no pods at least', withHost({ autoscaling: { minReplicas: 0 } }), /spec\.autoscaling\.minReplicas/],
    ['a million pods', withHost({ autoscaling: { maxReplicas: 1_000_000 } }), /spec\.autoscaling\.maxReplicas/],
    ['half a pod', withHost({ autoscaling: { minReplicas: 1.5 } }), /spec\.autoscaling\.minReplicas/],
    [
      'a cap at the target',
      withHost({ autoscaling: { targetConnections: 100, connectionCap: 100 } }),
      /connectionCap must be at least 1\.3 times/,
    ],
    [
      'a cap below 1.3 times the target',
      withHost({ autoscaling: { targetConnections: 100, connectionCap: 129 } }),
      /connectionCap must be at least 1\.3 times/,
    ],
    ['Keda without Prometheus', withHost({ autoscaling: { source: 'Keda' } }), /autoscaling\.prometheusUrl must be given with source Keda/],
    [
      'Prometheus without Keda',
      withHost({ autoscaling: { prometheusUrl: 'http://prometheus:9090' } }),
      /autoscaling\.prometheusUrl must be given with source Keda/,
    ],
    [
      'an address with credentials',
      withHost({ autoscaling: { source: 'Keda', prometheusUrl: 'http://a:b@c' } }),
      /spec\.autoscaling\.prometheusUrl/,
    ],
    [
      'pods beside the autoscaler',
      withHost({ delivery: { replicas: 3 } }),
      /delivery\.replicas may be given only with autoscaling\.source None/,
    ],
    ['negative storage', builtin({ storage: { size: '-1Gi' } }), /spec\.data\.log\.builtin\.storage\.size/],
    ['no storage', builtin({ storage: { size: '0Gi' } }), /spec\.data\.log\.builtin\.storage\.size/],
    ['storage of no unit', builtin({}, { storage: { size: '10' } }), /spec\.data\.postgres\.builtin\.storage\.size/],
    ['two brokers', builtin({ brokers: 2 }), /spec\.data\.log\.builtin\.brokers/],
    [
      'two databases',
      withHost({ data: { postgres: { builtin: {}, external: EXTERNAL_POSTGRES } } }),
      /exactly one of data\.postgres\.builtin/,
    ],
    ['no database', withHost({ data: { postgres: {} } }), /exactly one of data\.postgres\.builtin/],
    ['two logs', withHost({ data: { log: { builtin: {}, external: EXTERNAL_LOG } } }), /exactly one of data\.log\.builtin/],
    ['no log', withHost({ data: { log: {} } }), /exactly one of data\.log\.builtin/],
    [
      'a broker at port 0',
      withHost({ data: { log: { external: { ...EXTERNAL_LOG, brokers: ['kafka:0'] } } } }),
      /spec\.data\.log\.external\.brokers\[0\]/,
    ],
    [
      'a broker at port 65,536',
      withHost({ data: { log: { external: { ...EXTERNAL_LOG, brokers: ['kafka:65536'] } } } }),
      /spec\.data\.log\.external\.brokers\[0\]/,
    ],
    [
      '10,000 brokers',
      withHost({ data: { log: { external: { ...EXTERNAL_LOG, brokers: Array.from({ length: MANY }, (_, i) => `k${i}:9093`) } } } }),
      /spec\.data\.log\.external\.brokers: Too many/,
    ],
    [
      'a database name with code',
      withHost({ data: { postgres: { external: { ...EXTERNAL_POSTGRES, database: 'a"; drop table b' } } } }),
      /spec\.data\.postgres\.external\.database/,
    ],
    [
      'a Secret elsewhere',
      withHost({ data: { postgres: { external: { ...EXTERNAL_POSTGRES, administrator: { name: 'db', namespace: 'kube-system' } } } } }),
      /unknown field "?\.?spec\.data\.postgres\.external\.administrator\.namespace|administrator\.namespace: field not declared/,
    ],
    ['a Secret by a path', withHost({ mail: { from: 'a@b', url: { name: '../x', key: 'url' } } }), /spec\.mail\.url\.name/],
    [
      'a second header in a sender',
      withHost({ mail: { from: 'a@b\r\nBcc: everybody@c', url: { name: 'mail', key: 'url' } } }),
      /spec\.mail\.from/,
    ],
    ['an owner who is two', withHost({ bootstrap: { ownerEmail: 'a@b.c,d@e.f' } }), /spec\.bootstrap\.ownerEmail/],
    [
      'an environment for delivery',
      withHost({ delivery: { env: [{ name: 'NODE_OPTIONS', value: '--require=/x' }] } }),
      /spec\.delivery\.env/,
    ],
    ['an environment for all', withHost({ env: { NODE_OPTIONS: '--require=/x' } }), /spec\.env/],
    ['a pod template', withHost({ services: { template: { spec: { hostNetwork: true } } } }), /spec\.services\.template/],
    ['a volume of the host', withHost({ data: { postgres: { builtin: { storage: { hostPath: '/' } } } } }), /storage\.hostPath/],
    ['a version with a space', withHost({ version: '1.0 --privileged' }), /spec\.version/],
    ['a version with a line break', withHost({ version: '1.0\n' }), /spec\.version/],
    ['a tag in the repository', withHost({ image: { repository: 'ghcr.io/a/b:latest' } }), /spec\.image\.repository/],
    ['a digest in the repository', withHost({ image: { repository: `ghcr.io/a/b@sha256:${'0'.repeat(64)}` } }), /spec\.image\.repository/],
    ['steps upwards in an image', withHost({ image: { repository: 'ghcr.io/a/../b' } }), /spec\.image\.repository/],
    ['an image by a URL', builtin({ image: 'https://evil.example.com/x' }), /spec\.data\.log\.builtin\.image/],
    [
      'requests beyond limits',
      withHost({ delivery: { resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } } }),
      /requests\.memory must not be more than resources\.limits\.memory/,
    ],
    ['negative cores', withHost({ services: { resources: { requests: { cpu: '-1' } } } }), /spec\.services\.resources\.requests\.cpu/],
    [
      'an authority that ends first',
      withHost({ certificates: { leafMinutes: 100, authorityMinutes: 199 } }),
      /certificates\.authorityMinutes must be at least twice/,
    ],
    ['certificates of a minute', withHost({ certificates: { leafMinutes: 1 } }), /spec\.certificates\.leafMinutes/],
    ['no partitions', withHost({ log: { partitions: 0 } }), /spec\.log\.partitions/],
    ['a drain of a day', withHost({ delivery: { drainSeconds: 86_400 } }), /spec\.delivery\.drainSeconds/],
    ['another registration', withHost({ registration: 'Everybody' }), /spec\.registration: Unsupported value/],
    ['traces to a file', withHost({ tracing: { otlpEndpoint: 'file:///etc/passwd' } }), /spec\.tracing\.otlpEndpoint/],
  ];

  it.each(cases)('%s', async (_, spec, named) => {
    const object = chatCluster(spec);
    expect(await refusal(object)).toMatch(named);
    expect(await readObject(namespace, `chatcluster/${object['metadata'].name}`)).toBeUndefined();
  });

  it('an environment, by the usual kubectl apply', async () => {
    const object = chatCluster({ host: HOST, delivery: { env: [{ name: 'NODE_OPTIONS', value: '--require=/x' }] } });
    await expect(apply(namespace, object)).rejects.toThrow(/unknown field "(spec\.delivery\.env|env" in .*spec\.delivery)/);
  });

  it.each([
    ['too long', 'a'.repeat(41)],
    ['a digit first, which a Service may not have', '1chat'],
    ['a dot', 'chat.example'],
  ])('a name that is %s', async (_, name) => {
    expect(await refusal(chatCluster({ host: HOST }, name))).toMatch(/metadata\.name must be at most 40/);
  });
});

describe('what cannot be changed is refused when it is changed', () => {
  const before = {
    host: HOST,
    data: { postgres: { builtin: { storage: { size: '10Gi', className: 'fast' } } }, log: { builtin: { storage: { size: '1024Mi' } } } },
  };
  const cases: [what: string, patch: object, named: RegExp | undefined][] = [
    ['shrinking storage', { data: { postgres: { builtin: { storage: { size: '9Gi' } } } } }, /storage\.size can only grow/],
    ['shrinking in another unit', { data: { log: { builtin: { storage: { size: '1023Mi' } } } } }, /storage\.size can only grow/],
    ['the same size in another unit', { data: { log: { builtin: { storage: { size: '1Gi' } } } } }, undefined],
    ['growing storage', { data: { postgres: { builtin: { storage: { size: '1Ti' } } } } }, undefined],
    [
      'another storage class',
      { data: { postgres: { builtin: { storage: { className: 'slow' } } } } },
      /storage\.className cannot be changed/,
    ],
    [
      'no storage class any more',
      { data: { postgres: { builtin: { storage: { className: null } } } } },
      /storage\.className cannot be changed/,
    ],
    [
      'a storage class where none was',
      { data: { log: { builtin: { storage: { className: 'fast' } } } } },
      /storage\.className cannot be changed/,
    ],
    [
      'another database',
      { data: { postgres: { builtin: null, external: EXTERNAL_POSTGRES } } },
      /the variant of data\.postgres cannot be changed/,
    ],
    ['another database beside', { data: { postgres: { external: EXTERNAL_POSTGRES } } }, /exactly one of data\.postgres/],
    ['another log', { data: { log: { builtin: null, external: EXTERNAL_LOG } } }, /the variant of data\.log cannot be changed/],
    ['more brokers', { data: { log: { builtin: { brokers: 3 } } } }, /brokers cannot be changed/],
    ['more partitions', { log: { partitions: 16 } }, /log\.partitions cannot be changed/],
    ['another retention', { log: { retentionDays: 3 } }, undefined],
  ];
  it.each(cases)('%s', async (_, spec, named) => {
    const object = chatCluster(before);
    await create(object);
    const answer = await patchObject(namespace, `chatcluster/${object['metadata'].name}`, { spec }).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (named) expect(answer).toMatch(named);
    else expect(answer).toBeUndefined();
  });

  it('a section that is removed to get another variant by default', async () => {
    const object = chatCluster({ host: HOST, data: { postgres: { external: EXTERNAL_POSTGRES } } });
    await create(object);
    const answer = await patchObject(namespace, `chatcluster/${object['metadata'].name}`, { spec: { data: null } }).catch(
      (error: Error) => error.message,
    );
    expect(answer).toMatch(/the variant of data\.postgres cannot be changed/);
  });
});

describe('the samples', () => {
  it.each(['minimal', 'production', 'external-data'])(
    '%s is accepted, and has the defaults that the operator counts with',
    async (name) => {
      const sample = parse(await readFile(join(ROOT, `k8s/samples/${name}.yaml`), 'utf8')) as LiveObject;
      sample['metadata'].name = `sample-${name}`;
      await create(sample);
      const live = await readObject(namespace, `chatcluster/sample-${name}`);
      expect(live?.['spec']).toEqual(completeSpec(sample['spec']));
    },
  );
});

describe('the scale subresource', () => {
  const scale = (name: string, replicas: number) =>
    kubectl(['--namespace', namespace, 'scale', `chatcluster/${name}`, `--replicas=${replicas}`]).catch((error: Error) => error.message);

  it('sets delivery.replicas without autoscaler, and shows what is ready', async () => {
    const object = chatCluster({ host: HOST, autoscaling: { source: 'None' }, delivery: { replicas: 2 } });
    const { name } = object['metadata'];
    await create(object);
    expect(await scale(name, 5)).toMatch(/scaled/);
    expect((await readObject(namespace, `chatcluster/${name}`))?.['spec'].delivery.replicas).toBe(5);
    const status = { delivery: { ready: 4, desired: 5, connections: 7, selector: 'app.kubernetes.io/instance=demo' } };
    await kubectl([
      '--namespace',
      namespace,
      'patch',
      'chatcluster',
      name,
      '--subresource=status',
      '--type=merge',
      '--patch',
      JSON.stringify({ status }),
    ]);
    const path = `/apis/starling.chat/v1alpha1/namespaces/${namespace}/chatclusters/${name}/scale`;
    expect(JSON.parse(await kubectl(['get', '--raw', path]))).toMatchObject({
      spec: { replicas: 5 },
      status: { replicas: 4, selector: 'app.kubernetes.io/instance=demo' },
    });
    expect(await scale(name, 0)).toMatch(/spec\.delivery\.replicas/);
  });

  it('is refused beside an autoscaler', async () => {
    const object = chatCluster({ host: HOST });
    await create(object);
    expect(await scale(object['metadata'].name, 5)).toMatch(/delivery\.replicas may be given only with autoscaling\.source None/);
  });
});

it('shows at a glance what a person asks first', async () => {
  const object = chatCluster({ host: HOST });
  const { name } = object['metadata'];
  await create(object);
  const now = '2030-01-01T00:00:00Z';
  const status = {
    version: '1.2.3',
    delivery: { ready: 4, connections: 7 },
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Ready', message: 'people can chat', observedGeneration: 1, lastTransitionTime: now },
    ],
  };
  await kubectl([
    '--namespace',
    namespace,
    'patch',
    'cc',
    name,
    '--subresource=status',
    '--type=merge',
    '--patch',
    JSON.stringify({ status }),
  ]);
  const lines = (await kubectl(['--namespace', namespace, 'get', 'cc', name]))
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/));
  expect(lines[0]).toEqual(['NAME', 'READY', 'VERSION', 'DELIVERY', 'CONNECTIONS', 'AGE']);
  expect(lines[1]?.slice(0, 5)).toEqual([name, 'True', '1.2.3', '4', '7']);
});
