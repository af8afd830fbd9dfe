import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { createHttpServer, ProblemError } from '@starling/platform/http';
import { createLogger } from '@starling/platform/telemetry';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLocalUpstream, createNetworkUpstream } from './index.ts';
import type { Upstream, UpstreamRequest } from './upstream.ts';

const nowhere = 'http://127.0.0.1:1';
let echo: FastifyInstance;
let upstreams: Record<'local' | 'network', Upstream>;
let network: ReturnType<typeof createNetworkUpstream>;

beforeAll(async () => {
  echo = createHttpServer({ logger: createLogger({ service: 'test', level: 'silent' }) });
  echo.all('/v1/*', async (request, reply) => {
    if (request.url === '/v1/refused') throw new ProblemError('behind', { retryAfter: 3 });
    return reply.code(202).send({ method: request.method, url: request.url, key: request.headers['idempotency-key'], body: request.body });
  });
  const origin = await echo.listen({ host: '127.0.0.1', port: 0 });
  network = createNetworkUpstream({ user: origin, conversation: origin, delivery: nowhere });
  upstreams = { local: createLocalUpstream({ user: echo, conversation: echo, delivery: echo }), network };
});

afterAll(async () => {
  await network.close();
  await echo.close();
});

function request(change: Partial<UpstreamRequest>): UpstreamRequest {
  return { method: 'GET', url: '/v1/users', headers: {}, body: undefined, ...change };
}

test.each(['local', 'network'] as const)('%s: request and answer go through as they are', async (kind) => {
  const body = Buffer.from(JSON.stringify({ name: 'Ünï' }));
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' };
  const answer = await upstreams[kind].forward('user', request({ method: 'POST', url: '/v1/users/cards?a=%20b&c', headers, body }));
  expect(answer.status).toBe(202);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(JSON.parse(answer.body.toString())).toEqual({ method: 'POST', url: '/v1/users/cards?a=%20b&c', key: 'k', body: { name: 'Ünï' } });
});

test.each(['local', 'network'] as const)('%s: refusals, answers without body and requests without body go through', async (kind) => {
  const refused = await upstreams[kind].forward('user', request({ url: '/v1/refused' }));
  expect([refused.status, refused.headers['retry-after'], JSON.parse(refused.body.toString()).type]).toEqual([
    503,
    '3',
    'urn:starling:problem:behind',
  ]);
  const head = await upstreams[kind].forward('user', request({ method: 'HEAD' }));
  expect([head.status, head.body.length]).toEqual([202, 0]);
  const put = await upstreams[kind].forward('user', request({ method: 'PUT', url: '/v1/x' }));
  expect(JSON.parse(put.body.toString())).toEqual({ method: 'PUT', url: '/v1/x' });
});

test('network: what did not get there was not done; what broke off may have been', async () => {
  const problem = (service: 'user' | 'delivery', upstream: Upstream, method: string) =>
    upstream.forward(service, request({ method })).then(
      () => 'an answer',
      (error: ProblemError) => error.problemName,
    );
  expect(await problem('delivery', network, 'POST')).toBe('unavailable');
  const breaking = createServer((socket) => void socket.once('data', () => socket.destroy()));
  await new Promise<void>((resolve) => breaking.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(breaking.address() as AddressInfo).port}`;
  const broken = createNetworkUpstream({ user: origin, conversation: origin, delivery: origin });
  expect(await problem('user', broken, 'POST')).toBe('unknown');
  expect(await problem('user', broken, 'PUT')).toBe('unknown');
  expect(await problem('user', broken, 'GET')).toBe('unavailable');
  await broken.close();
  await new Promise((resolve) => breaking.close(resolve));
});
