import type { OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { FakeClock } from '@starling/testing/clock';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/types.ts';
import { issueAuthority, issueLeaf, type KeyPair } from '../material/issue-certificate.ts';
import type { Access } from './authorize.ts';
import type { Caller, FrontProxy } from './front-proxy.ts';
import { readFrontProxy } from './front-proxy.ts';
import { Loads } from './loads.ts';
import { type MetricsServer, openMetricsServer } from './server.ts';
import { testPod } from './test-pods.ts';

const DAY = 86_400_000;
const HPA = { 'x-remote-user': 'system:serviceaccount:kube-system:horizontal-pod-autoscaler', 'x-remote-group': ['system:authenticated'] };
const ALL = '/apis/custom.metrics.k8s.io/v1beta2/namespaces/team/pods/*/starling_connections';

let authority: KeyPair;
let foreign: KeyPair;
let serving: KeyPair;
let apiServer: KeyPair;
beforeAll(async () => {
  const life = { now: Date.now(), lifeMs: DAY };
  authority = await issueAuthority({ cluster: 'front proxy', ...life });
  foreign = await issueAuthority({ cluster: 'foreign', ...life });
  serving = await issueLeaf({ names: ['starling-metrics-api.starling.svc'], authority: foreign, ...life });
  apiServer = await issueLeaf({ names: ['front-proxy-client'], authority, ...life });
});

const frontProxyOf = (authorities: string, names = ['front-proxy-client']): FrontProxy =>
  readFrontProxy({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', uid: 'u', resourceVersion: '1' },
    data: {
      'requestheader-client-ca-file': authorities,
      'requestheader-allowed-names': JSON.stringify(names),
      'requestheader-username-headers': '["X-Remote-User"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    },
  } as KubeObject) ?? expect.fail('is readable');

const clock = new FakeClock();
const asked: { caller: Caller; access: Access }[] = [];
let allowed: boolean | Error = true;
let server: MetricsServer;
const loads = new Loads({ intervalMs: 5_000 });
const pods = [testPod('a'), testPod('b'), testPod('c'), testPod('d', { namespace: 'other' }), testPod('e', { labels: { other: 'x' } })];

beforeEach(async () => {
  asked.length = 0;
  allowed = true;
  for (const [index, pod] of pods.entries())
    if (pod.name !== 'c') loads.note(pod.uid, { connections: index * 10, refusedUpgrades: 0, draining: false }, clock.now());
  server = await openMetricsServer({
    host: '127.0.0.1',
    port: 0,
    certificate: serving,
    frontProxy: frontProxyOf(authority.certificate),
    sources: { pods: () => pods, loads, clock },
    authorize: async (caller, access) => {
      asked.push({ caller, access });
      if (allowed instanceof Error) throw allowed;
      return allowed;
    },
    observe: () => undefined,
  });
});
afterEach(() => server.close());

interface Options {
  client?: KeyPair | undefined;
  headers?: OutgoingHttpHeaders;
  method?: string;
}

function get(path: string, { client = apiServer, headers = HPA, method = 'GET' }: Options = {}) {
  return new Promise<{ status: number; body: Record<string, unknown>; certificate: string; contentType: string | undefined }>(
    (resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: server.port,
          path,
          method,
          headers,
          agent: false,
          servername: 'starling-metrics-api.starling.svc',
          ca: foreign.certificate,
          ...(client.certificate === '' ? {} : { cert: client.certificate, key: client.key }),
        },
        async (answer) => {
          const { fingerprint256 } = (answer.socket as import('node:tls').TLSSocket).getPeerCertificate();
          let text = '';
          for await (const chunk of answer) text += chunk;
          resolve({
            status: answer.statusCode ?? 0,
            body: JSON.parse(text || 'null'),
            certificate: fingerprint256,
            contentType: answer.headers['content-type'],
          });
        },
      );
      sent.on('error', reject).end();
    },
  );
}
const NOBODY: KeyPair = { certificate: '', key: '' };

describe('who is let in', () => {
  it('is the API server, for a user who may', async () => {
    const { status } = await get(ALL, { headers: { ...HPA, 'x-remote-group': ['a', 'b'], 'x-remote-extra-scope': 's' } });
    expect(status).toBe(200);
    expect(asked).toEqual([
      {
        caller: { user: HPA['x-remote-user'], groups: ['a', 'b'], extra: { scope: ['s'] } },
        access: {
          resourceAttributes: {
            namespace: 'team',
            verb: 'get',
            group: 'custom.metrics.k8s.io',
            version: 'v1beta2',
            resource: 'pods',
            subresource: 'starling_connections',
            name: '*',
          },
        },
      },
    ]);
  });

  it('is nobody without a certificate, whatever the headers say', async () => {
    const headers = { 'x-remote-user': 'system:admin', 'x-remote-group': 'system:masters' };
    expect(await get(ALL, { client: NOBODY, headers })).toMatchObject({ status: 401, body: { kind: 'Status', code: 401 } });
    expect(asked).toEqual([]);
  });

  it('is nobody with a certificate of another authority, of another name, or of the past', async () => {
    const now = Date.now();
    const others = {
      'another authority': await issueLeaf({ names: ['front-proxy-client'], authority: foreign, now, lifeMs: DAY }),
      'another name': await issueLeaf({ names: ['somebody'], authority, now, lifeMs: DAY }),
      'another first name': await issueLeaf({ names: ['somebody', 'front-proxy-client'], authority, now, lifeMs: DAY }),
      expired: await issueLeaf({ names: ['front-proxy-client'], authority, now: now - 2 * DAY, lifeMs: DAY }),
    };
    for (const [what, client] of Object.entries(others)) expect((await get(ALL, { client })).status, what).toBe(401);
    expect(asked).toEqual([]);
  });

  it('is nobody without a user', async () => {
    expect((await get(ALL, { headers: { 'x-remote-group': 'system:masters' } })).status).toBe(401);
  });

  it('is no user who may not', async () => {
    allowed = false;
    expect(await get(ALL)).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
    expect((await get('/apis/custom.metrics.k8s.io/v1beta2')).status).toBe(403);
  });

  it('is nobody while the API does not say who may', async () => {
    allowed = new Error('no answer');
    expect((await get(ALL)).status).toBe(503);
  });

  it('is nobody while the API server’s authority is not known', async () => {
    server.replaceFrontProxy(undefined);
    expect((await get(ALL)).status).toBe(401);
  });

  it('for the health alone is everybody', async () => {
    expect((await get('/healthz', { client: NOBODY, headers: {} })).status).toBe(200);
    expect((await get('/metrics', { client: NOBODY, headers: {} })).status).toBe(401);
  });
});

describe('what changes', () => {
  it('is believed from then on: another authority of the API server', async () => {
    const next = await issueAuthority({ cluster: 'next', now: Date.now(), lifeMs: DAY });
    const client = await issueLeaf({ names: ['front-proxy-client'], authority: next, now: Date.now(), lifeMs: DAY });
    server.replaceFrontProxy(frontProxyOf(authority.certificate + next.certificate));
    expect([(await get(ALL)).status, (await get(ALL, { client })).status]).toEqual([200, 200]);
    server.replaceFrontProxy(frontProxyOf(next.certificate));
    expect([(await get(ALL)).status, (await get(ALL, { client })).status]).toEqual([401, 200]);
    server.replaceFrontProxy(frontProxyOf(next.certificate, ['another']));
    expect((await get(ALL, { client })).status).toBe(401);
  });

  it('is shown from then on: another certificate', async () => {
    const before = (await get(ALL)).certificate;
    server.replaceCertificate(
      await issueLeaf({ names: ['starling-metrics-api.starling.svc'], authority: foreign, now: Date.now(), lifeMs: DAY }),
    );
    const after = await get(ALL);
    expect(after.status).toBe(200);
    expect(after.certificate).not.toBe(before);
  });
});

describe('what is answered', () => {
  it('are the pods of the namespace that are known and selected', async () => {
    const selector = encodeURIComponent('app.kubernetes.io/instance=chat,app.kubernetes.io/component in (delivery)');
    expect((await get(`${ALL}?labelSelector=${selector}`)).body).toEqual({
      kind: 'MetricValueList',
      apiVersion: 'custom.metrics.k8s.io/v1beta2',
      metadata: {},
      items: ['a', 'b'].map((name, index) => ({
        describedObject: { kind: 'Pod', namespace: 'team', name, apiVersion: 'v1' },
        metric: { name: 'starling_connections', selector: null },
        timestamp: new Date(clock.now()).toISOString().replace('.000Z', 'Z'),
        value: String(index * 10),
      })),
    });
  });

  it('is the same when the star is escaped', async () => {
    const { status, body } = await get(ALL.replace('*', '%2A'));
    expect([status, (body['items'] as unknown[]).length]).toEqual([200, 3]);
    expect(asked.at(-1)?.access).toMatchObject({ resourceAttributes: { name: '*' } });
    for (const pod of ['%', '%2F', '..%2Fa']) expect((await get(ALL.replace('*', pod))).status, pod).toBe(404);
  });

  it('is one pod by its name, or that it is not known', async () => {
    const of = (pod: string) => get(`/apis/custom.metrics.k8s.io/v1beta2/namespaces/team/pods/${pod}/starling_connections`);
    expect((await of('b')).body).toMatchObject({ items: [{ describedObject: { name: 'b' }, value: '10' }] });
    expect((await of('c')).status).toBe(404);
    expect((await of('d')).status).toBe(404);
  });

  it('is a rate in thousandths, over its window', async () => {
    const path = ALL.replace('starling_connections', 'starling_refused_upgrades_per_second');
    expect((await get(path)).body).toMatchObject({ items: [] });
    clock.advance(6_000);
    loads.note('uid-a', { connections: 0, refusedUpgrades: 8, draining: false }, clock.now());
    expect((await get(path)).body).toMatchObject({ items: [{ describedObject: { name: 'a' }, windowSeconds: 6, value: '1333m' }] });
  });

  it('is nothing for a selector of labels that the metric does not have', async () => {
    expect((await get(`${ALL}?metricLabelSelector=verb%3DGET`)).body).toMatchObject({ items: [] });
    expect((await get(`${ALL}?labelSelector=${encodeURIComponent('a in (')}`)).status).toBe(400);
  });

  it('tells which metrics there are', async () => {
    expect((await get('/apis')).body).toMatchObject({ kind: 'APIGroupList', groups: [{ name: 'custom.metrics.k8s.io' }] });
    expect((await get('/apis/custom.metrics.k8s.io')).body).toMatchObject({ kind: 'APIGroup', versions: [{ version: 'v1beta2' }] });
    expect((await get('/apis/custom.metrics.k8s.io/v1beta2')).body).toMatchObject({
      kind: 'APIResourceList',
      resources: [
        { name: 'pods/starling_connections', namespaced: true, kind: 'MetricValueList', verbs: ['get'] },
        { name: 'pods/starling_refused_upgrades_per_second' },
      ],
    });
    expect(asked.at(-1)?.access).toEqual({ nonResourceAttributes: { path: '/apis/custom.metrics.k8s.io/v1beta2', verb: 'get' } });
  });

  it('tells the API server all of it in one document', async () => {
    const accept =
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';
    const { body, contentType } = await get('/apis', { headers: { ...HPA, accept } });
    expect(contentType).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect(body).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      items: [
        {
          metadata: { name: 'custom.metrics.k8s.io' },
          versions: [
            {
              version: 'v1beta2',
              freshness: 'Current',
              resources: [
                {
                  resource: 'pods',
                  scope: 'Namespaced',
                  subresources: [
                    { subresource: 'starling_connections', verbs: ['get'] },
                    { subresource: 'starling_refused_upgrades_per_second', verbs: ['get'] },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
    expect((await get('/apis')).contentType).toBe('application/json');
  });

  it('is nothing else', async () => {
    for (const path of [
      '/',
      '/apis/custom.metrics.k8s.io/v1beta1',
      ALL.replace('starling_connections', 'cpu'),
      ALL.replace('pods/*', 'services/x'),
    ])
      expect((await get(path)).status, path).toBe(404);
    expect((await get(ALL, { method: 'DELETE' })).status).toBe(405);
  });
});
