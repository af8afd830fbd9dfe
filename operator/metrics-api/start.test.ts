import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createLogger } from '@starling/platform/telemetry';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, type KubeConnection } from '../kube/index.ts';
import { FakeApiServer } from '../kube/test-fake-api-server.ts';
import { issueAuthority, issueLeaf, type KeyPair } from '../material/issue-certificate.ts';
import { CONNECTIONS_ANNOTATION, COST_ANNOTATION } from './plan-annotations.ts';
import { startMetricsApi } from './start.ts';
import { startTestPods } from './test-pods.ts';

const LIFE = { now: Date.now(), lifeMs: 86_400_000 };
const LABELS = {
  'app.kubernetes.io/name': 'starling',
  'app.kubernetes.io/component': 'delivery',
  'app.kubernetes.io/instance': 'chat',
};
const pathOf = (name: string) => `/api/v1/namespaces/team/pods/${name}`;

let api: FakeApiServer;
let folder: string;
let authority: KeyPair;
let pods: Awaited<ReturnType<typeof startTestPods>>;
let connections: number[];
const running: { sidePort: number; stop(): Promise<void> }[] = [];
const connected: KubeConnection[] = [];

beforeEach(async () => {
  api = new FakeApiServer();
  await api.start();
  // There is nobody who could say what anybody may do.
  api.fault = ({ path }) => (path.endsWith('/subjectaccessreviews') ? { status: 500 } : undefined);
  folder = await mkdtemp(join(tmpdir(), 'starling-metrics-api-'));
  authority = await issueAuthority({ cluster: 'front proxy', ...LIFE });
  await writeServing();
  connections = [5, 50];
  const answer = (index: number) => (_: unknown, response: import('node:http').ServerResponse) =>
    response.end(JSON.stringify({ connections: connections[index], refusedUpgrades: 0, draining: false }));
  pods = await startTestPods([answer(0), answer(1)]);
  for (const [index, address] of pods.addresses.entries()) putPod(`p${index}`, address);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ stop }) => stop()));
  await Promise.all(connected.splice(0).map((connection) => connection.close()));
  await pods.close();
  await api.stop();
  await rm(folder, { recursive: true });
});

async function writeServing(): Promise<void> {
  const { certificate, key } = await issueLeaf({ names: ['localhost'], authority, ...LIFE });
  await writeFile(join(folder, 'tls.crt'), certificate);
  await writeFile(join(folder, 'tls.key'), key);
}

function putPod(name: string, podIP: string, metadata: object = {}, ready = 'True'): void {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'team', labels: LABELS, ...metadata } };
  api.put(pathOf(name), { ...pod, status: { podIP, conditions: [{ type: 'Ready', status: ready }] } });
}

function putFrontProxy(): void {
  const metadata = { name: 'extension-apiserver-authentication', namespace: 'kube-system' };
  const data = {
    'requestheader-client-ca-file': authority.certificate,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  };
  api.put('/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data,
  });
}

async function start() {
  const connection = connectTo(api.url);
  connected.push(connection);
  const started = await startMetricsApi(connection, {
    namespace: 'starling-system',
    host: '127.0.0.1',
    port: 0,
    sidePort: 0,
    certificate: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
    watchNamespaces: undefined,
    logger: createLogger({ service: 'test', destination: new Writable({ write: (_, __, done) => done() }) }),
    loadPort: pods.port,
    intervalMs: 50,
  });
  running.push(started);
  return started;
}

async function side(port: number, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: answer.status, text: await answer.text() };
}

const annotationsOf = (name: string) => api.read(pathOf(name))?.metadata.annotations ?? {};
const patches = () => api.requests.filter(({ method, path }) => method === 'PATCH' && path.includes('/pods/'));

describe('the metrics API', () => {
  it('is ready once it knows the API server and has asked the pods', async () => {
    const { sidePort } = await start();
    await waitFor(async () => (await side(sidePort, '/readyz')).text === 'how the API server proves itself is not known yet\n');
    expect((await side(sidePort, '/healthz')).status).toBe(200);
    await running.pop()?.stop();
    putFrontProxy();
    const again = await start();
    await waitFor(async () => (await side(again.sidePort, '/readyz')).status === 200);
    await waitFor(async () => (await side(again.sidePort, '/metrics')).text.includes('starling_metrics_api_pods{load="known"} 2'));
  });

  it('lets in the API server, and asks what the user may', async () => {
    putFrontProxy();
    const { port, sidePort } = await start();
    await waitFor(async () => (await side(sidePort, '/readyz')).status === 200);
    const client = await issueLeaf({ names: ['front-proxy-client'], authority, ...LIFE });
    const ask = (pair?: KeyPair) =>
      new Promise<number | undefined>((resolve, reject) => {
        const tls = { ca: authority.certificate, agent: false, ...(pair && { cert: pair.certificate, key: pair.key }) };
        const headers = { 'x-remote-user': 'ann' };
        request({ host: 'localhost', family: 4, port, path: '/apis', headers, ...tls }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect([await ask(), await ask(client)]).toEqual([401, 503]);
    expect(api.requests.find(({ path }) => path.endsWith('/subjectaccessreviews'))?.body).toMatchObject({ spec: { user: 'ann' } });
  });

  it('annotates pods by one of two replicas, and by the other one when that stops', async () => {
    await start();
    await start();
    await waitFor(() => annotationsOf('p1')[CONNECTIONS_ANNOTATION] === '50');
    await waitFor(() => annotationsOf('p0')[CONNECTIONS_ANNOTATION] === '5');
    expect([annotationsOf('p0')[COST_ANNOTATION], annotationsOf('p1')[COST_ANNOTATION]]).toEqual(['1', '2']);
    expect(patches()).toHaveLength(2);
    const texts = await Promise.all(running.map(async (each) => (await side(each.sidePort, '/metrics')).text));
    const leading = texts.findIndex((text) => text.includes('starling_metrics_api_leader 1'));
    expect(texts.filter((text) => text.includes('starling_metrics_api_leader 1'))).toHaveLength(1);
    await running.splice(leading, 1)[0]?.stop();
    // Of this one nobody has written anything, so that it needs not wait for a minute.
    putPod('p2', pods.addresses[1] ?? '', { uid: 'another' });
    await waitFor(() => annotationsOf('p2')[CONNECTIONS_ANNOTATION] === '50');
  });

  it('asks and annotates no pods that are not ready, about to end, or of another kind', async () => {
    putPod('unready', pods.addresses[0] ?? '', {}, 'False');
    putPod('ending', pods.addresses[0] ?? '', { deletionTimestamp: '2030-01-01T00:00:00Z' });
    putPod('other', pods.addresses[0] ?? '', { labels: { ...LABELS, 'app.kubernetes.io/component': 'web' } });
    const { sidePort } = await start();
    await waitFor(() => annotationsOf('p1')[CONNECTIONS_ANNOTATION] === '50');
    expect((await side(sidePort, '/metrics')).text).toContain('starling_metrics_api_pods{load="known"} 2');
    for (const name of ['unready', 'ending', 'other']) expect(annotationsOf(name)).toEqual({});
  });
});

it('does not start with a key of another certificate', async () => {
  await writeFile(join(folder, 'tls.key'), (await issueLeaf({ names: ['localhost'], authority, ...LIFE })).key);
  await expect(start()).rejects.toThrow('the key is not that of the certificate');
});
