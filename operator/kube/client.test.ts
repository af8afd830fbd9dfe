import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubeClient, type RequestOutcome } from './client.ts';
import { connectTo, type KubeConnection } from './connect.ts';
import { RESOURCES } from './resources.ts';
import { FakeApiServer, type FakeRequest, type Fault } from './test-fake-api-server.ts';
import { compressTime } from './test-time.ts';

let server: FakeApiServer;
let connection: KubeConnection;
let outcomes: RequestOutcome[] = [];
beforeEach(async () => {
  outcomes = [];
  server = new FakeApiServer();
  await server.start();
  connection = connectTo(server.url);
});
afterEach(async () => {
  await connection.close();
  await server.stop();
});

const time = compressTime(100);
const onRequest = (outcome: RequestOutcome) => outcomes.push(outcome);
const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'chat' }, data: { key: 'AAEC' } });
const reference = { resource: RESOURCES.Secret, name: 'one', namespace: 'chat' };

/** The first requests fail, one after the other. */
function failing(...faults: Fault[]): (request: FakeRequest) => Fault {
  return () => faults.shift();
}

describe('a request', () => {
  it.each([429, 503, 500])('that is answered %i with Retry-After is made again after that time', async (status) => {
    const client = createKubeClient(connection, { time, onRequest });
    server.fault = failing({ status, retryAfter: 3 }, { status, retryAfter: 2 });
    const begun = time.now();
    await client.create(secret('one'));
    expect(time.now() - begun).toBeGreaterThanOrEqual(5_000);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([status, status, 201]);
    expect(outcomes[0]).toMatchObject({ verb: 'create', resource: 'secrets' });
  });

  it('is not made again where the time asked for is past its deadline, and says how long to wait', async () => {
    const client = createKubeClient(connection, { time, onRequest, deadlineMs: 10_000 });
    server.fault = () => ({ status: 429, retryAfter: 20 });
    await expect(client.get(reference)).rejects.toMatchObject({ status: 429, retryAfterMs: 20_000 });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [{ status: 500 }, 500],
    [{ status: 403, reason: 'Forbidden' }, 403],
    ['drop', 0],
  ] as const)('that fails by %j fails at once', async (fault, status) => {
    const client = createKubeClient(connection, { time, onRequest });
    server.fault = () => fault;
    await expect(client.get(reference)).rejects.toMatchObject({ name: 'KubeError', status });
    expect(server.requests).toHaveLength(1);
    expect(outcomes).toMatchObject([{ status }]);
  });

  it('that is never answered fails at its deadline', async () => {
    const client = createKubeClient(connection, { time, onRequest, deadlineMs: 5_000 });
    server.fault = () => 'hang';
    await expect(client.get(reference)).rejects.toMatchObject({ status: 0, message: expect.stringContaining('deadline') });
  });

  it('waits for its turn, and no longer than its deadline', async () => {
    const client = createKubeClient(connection, { time, onRequest, deadlineMs: 20_000, concurrency: 2 });
    server.fault = () => 'hang';
    const three = ['a', 'b', 'c'].map((name) => client.get({ ...reference, name }).catch((error: unknown) => error));
    await waitFor(() => server.requests.length === 2);
    for (const outcome of await Promise.all(three)) expect(outcome).toMatchObject({ status: 0 });
    expect(server.requests).toHaveLength(2);
    server.fault = () => undefined;
    expect(await client.get(reference)).toBeUndefined();
  });

  it('is not sent if this process may not write; reading goes on', async () => {
    const client = createKubeClient(connection, { onRequest, mayWrite: () => false });
    await expect(client.create(secret('one'))).rejects.toMatchObject({ reason: 'NotLeader' });
    await expect(client.delete(reference)).rejects.toMatchObject({ reason: 'NotLeader' });
    expect(server.requests).toEqual([]);
    expect(await client.get(reference)).toBeUndefined();
  });

  it('fails if its answer is too long, without quoting it', async () => {
    const client = createKubeClient(connection, { maxResponseBytes: 100 });
    await createKubeClient(connection).create(secret('one'));
    await expect(client.get(reference)).rejects.toMatchObject({ status: 0, message: expect.stringContaining('100 bytes') });
    await expect(client.get(reference)).rejects.not.toThrow('AAEC');
  });

  it('names no values of its query in its errors', async () => {
    const client = createKubeClient(connection);
    server.fault = () => ({ status: 500 });
    await expect(client.list(RESOURCES.Secret, { labelSelector: 'a=b' })).rejects.toThrow(/^GET \/api\/v1\/secrets was answered 500/);
  });
});

describe('a list', () => {
  it('is read by pages, and from its beginning again when they are forgotten', async () => {
    const client = createKubeClient(connection, { onRequest });
    for (let number = 0; number < 600; number += 1) server.put(`/api/v1/namespaces/chat/secrets/s${number}`, secret(`s${number}`));
    expect(await client.list(RESOURCES.Secret)).toHaveLength(600);
    expect(outcomes).toHaveLength(3);
    let pages = 0;
    server.fault = ({ query }) => {
      pages += 1;
      return query.has('continue') && pages === 2 ? { status: 410, reason: 'Expired' } : undefined;
    };
    expect(await client.list(RESOURCES.Secret)).toHaveLength(600);
  });
});

describe('any request', () => {
  it('counts by kind, without names', async () => {
    const client = createKubeClient(connection, { onRequest });
    await client.request('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { metadata: { name: 'x' } });
    await client.request('GET', '/api/v1/namespaces/chat/secrets');
    await client.request('GET', '/api/v1/namespaces/chat/secrets/one').catch(() => undefined);
    await client.request('GET', '/apis/apps/v1/namespaces/chat/deployments/one/scale').catch(() => undefined);
    await client.request('GET', '/api/v1/namespaces/chat').catch(() => undefined);
    expect(outcomes.map(({ verb, resource }) => `${verb} ${resource}`)).toEqual([
      'post subjectaccessreviews',
      'get secrets',
      'get secrets',
      'get deployments/scale',
      'get namespaces',
    ]);
  });
});
