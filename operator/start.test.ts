import { waitFor } from '@starling/testing/wait-for';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectTo, type KubeConnection } from './kube/index.ts';
import { FakeApiServer } from './kube/test-fake-api-server.ts';
import { type StartedOperator, startOperator } from './start.ts';

let server: FakeApiServer;
let connection: KubeConnection;
let operator: StartedOperator | undefined;

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  connection = connectTo(server.url);
});
afterEach(async () => {
  await operator?.stop();
  await connection.close();
  await server.stop();
});

async function start(): Promise<void> {
  operator = await startOperator(connection, {
    namespace: 'starling-system',
    watchNamespaces: undefined,
    image: 'localhost/starling',
    version: '1.0.0',
    redpandaImage: 'localhost/redpanda:1',
    postgresImage: 'localhost/postgres:1',
    allowedRegistries: undefined,
    metricsApi: false,
    sidePort: 0,
    sideHost: '127.0.0.1',
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  });
  await waitFor(() => server.openWatches > 0, { deadline: 10_000 });
}

const askedForScaledObjects = () => server.requests.filter(({ path }) => path.endsWith('/scaledobjects'));

it('asks nothing of KEDA that would be refused, where there is no KEDA', async () => {
  await start();
  expect(server.requests.map(({ path }) => path)).toContain('/apis/keda.sh/v1alpha1');
  expect(askedForScaledObjects()).toEqual([]);
});

it('follows the ScaledObjects of KEDA where it is, and leaves them alone where it may not use them', async () => {
  server.put('/apis/keda.sh/v1alpha1', { apiVersion: 'v1', kind: 'APIResourceList', metadata: { name: 'keda' } });
  await start();
  await waitFor(() => askedForScaledObjects().some(({ watch }) => watch), { deadline: 10_000 });
  await operator?.stop();
  server.requests.length = 0;
  server.fault = ({ path }) => (path.endsWith('/scaledobjects') ? { status: 403, reason: 'Forbidden' } : undefined);
  await start();
  expect(askedForScaledObjects()).toHaveLength(1);
});
