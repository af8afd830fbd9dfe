import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeFactHeaders } from '@starling/contracts/log';
import { CLOSE_CODES, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { loadConfig } from '@starling/platform/config';
import { createMetrics, type Metrics } from '@starling/platform/metrics';
import type { Platform } from '@starling/platform/service';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createDelivery, type Delivery } from '../app.ts';
import { DeliveryConfig } from '../config.ts';

let database: TestDatabase;
let platform: TestPlatform;
let metrics: Metrics;
let delivery: Delivery | undefined;
let server: Server | undefined;
let port: number;
const clients: WebSocket[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  platform = await createTestPlatform({ database, services: {} });
  metrics = createMetrics();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  server?.close();
  await delivery?.stop();
  await platform.stop();
  await database.drop();
});

async function startPod(config: Partial<DeliveryConfig>, changes: Partial<Platform> = {}): Promise<Delivery> {
  delivery = createDelivery(loadConfig(DeliveryConfig, { overrides: config }), {
    ...platform.platform('delivery'),
    metrics: metrics.of('delivery'),
    ...changes,
  });
  const pod = delivery;
  server = createServer().on('upgrade', (request, stream, head) => pod.upgrade(request, stream, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  return pod;
}

/** What an upgrade comes to: a greeted socket, or an answer. */
async function connect(): Promise<WebSocket | { status: number; retryAfter: number; detail: string }> {
  const token = await platform.mintUserToken({ user: v7(), scope: 'socket' });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
  clients.push(socket);
  socket.on('error', () => {});
  const refused = once(socket, 'unexpected-response').then(async ([, response]: IncomingMessage[]) => {
    const body = JSON.parse((await response?.toArray())?.join('') ?? '');
    return { status: response?.statusCode ?? 0, retryAfter: Number(response?.headers['retry-after']), detail: body.detail };
  });
  return Promise.race([once(socket, 'message').then(() => socket), refused]);
}

async function read(pod: Delivery, path: string): Promise<unknown> {
  return JSON.parse((await pod.sideRoutes?.()[path]?.(new URLSearchParams()))?.text ?? '');
}

/** The samples of a metric, as they are written. */
async function metricsOf(name: string): Promise<string[]> {
  const { text } = await metrics.scrape();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`));
}

describe('an upgrade', () => {
  it('is answered 503 while the pod starts, is full, takes too many at once, or drains; and is counted', async () => {
    const pod = await startPod({ connectionCap: 2, upgradesPerSecond: 2, drainSeconds: 0 });
    const starting = { status: 503, retryAfter: expect.closeTo(2, -0.4), detail: 'this server is starting' };
    expect(await connect()).toEqual(starting);
    await pod.start();
    const [first, second] = [await connect(), await connect()];
    expect([first, second]).toEqual([expect.any(WebSocket), expect.any(WebSocket)]);
    const full = await connect();
    expect(full).toMatchObject({ status: 503, detail: 'this server has all the sockets that it may have' });
    expect(full).toMatchObject({ retryAfter: expect.closeTo(10, -1.1) });
    expect(await read(pod, '/load')).toEqual({ connections: 2, refusedUpgrades: 1, draining: false });
    for (const socket of [first, second] as WebSocket[]) socket.close();
    await waitFor(async () => ((await read(pod, '/load')) as { connections: number }).connections === 0);
    // Of the bucket's four some are left, and two come each second.
    const burst = await Promise.all(Array.from({ length: 12 }, connect));
    expect(burst).toContainEqual(expect.objectContaining({ status: 503, detail: expect.stringMatching(/too many|all the sockets/) }));
    expect(pod.unready?.()).toEqual([]);
    await pod.drain();
    expect(pod.unready?.()).toEqual(['its sockets are sent elsewhere']);
    expect(await connect()).toMatchObject({ status: 503, detail: 'this server is stopping' });
    expect(await read(pod, '/load')).toMatchObject({ refusedUpgrades: 11, draining: true });
    const reasons = (await metricsOf('starling_refused_upgrades_total')).map((line) => /reason="(\w+)"/.exec(line)?.[1]);
    expect(reasons).toEqual(expect.arrayContaining(['starting', 'full', 'draining']));
    expect(await metricsOf('starling_socket_drops_total')).toEqual([expect.stringContaining('reason="restarting"')]);
  });
});

describe('a drain', () => {
  it('hints those who know it, and closes who stays in spite of it as one that restarts', async () => {
    const pod = await startPod({ drainSeconds: 1 });
    await pod.start();
    const sockets = (await Promise.all(Array.from({ length: 4 }, connect))) as WebSocket[];
    const frames: unknown[] = [];
    const closes = sockets.map((socket) => once(socket, 'close').then(([code]) => code));
    for (const [index, socket] of sockets.entries())
      socket.on('message', (data) => {
        frames.push(JSON.parse(data.toString()));
        if (index === 0) socket.close();
      });
    const begun = performance.now();
    await pod.drain();
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(await Promise.all(closes)).toEqual([1005, ...Array(3).fill(CLOSE_CODES.restarting.code)]);
    expect(frames).toEqual(Array(4).fill({ type: 'reconnect', withinMs: 200 }));
    expect(await metricsOf('starling_reconnect_hints_total')).toEqual([
      'starling_reconnect_hints_total{service="delivery",reason="drain"} 4',
    ]);
    expect(await metricsOf('starling_socket_drops_total')).toEqual([
      'starling_socket_drops_total{service="delivery",reason="restarting"} 3',
    ]);
    expect(await metricsOf('starling_drain_seconds_count')).toEqual(['starling_drain_seconds_count{service="delivery"} 1']);
  });
});

describe('an upgrade whose token is still looked at', () => {
  it('when the pod begins to drain is closed at once as that of one that restarts', async () => {
    const { gate } = platform.platform('delivery');
    const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const verifyUserToken: typeof gate.verifyUserToken = async (token) => {
      asked.resolve();
      await held.promise;
      return gate.verifyUserToken(token);
    };
    const pod = await startPod({ drainSeconds: 0 }, { gate: { ...gate, verifyUserToken } });
    await pod.start();
    void connect();
    await asked.promise;
    await pod.drain();
    const [socket] = clients as [WebSocket];
    const closed = once(socket, 'close');
    held.resolve();
    expect((await closed)[0]).toBe(CLOSE_CODES.restarting.code);
    expect(await read(pod, '/load')).toMatchObject({ connections: 0 });
  });
});

describe("a pod's clock", () => {
  it("makes it unready while it is more than 10 s off the log's, whatever else is written to the topic", async () => {
    let ahead = 0;
    const clock = { now: () => Date.now() + ahead };
    const { log } = platform;
    await log.append('ephemeral', 0, [{ key: 'x', headers: {}, value: Buffer.from('{') }]);
    const pod = await startPod({}, { clock });
    await pod.start();
    const bad = { key: 'x', headers: encodeFactHeaders({ id: v7(), kind: 'pod.beat' }), value: Buffer.from('{}') };
    await log.append('ephemeral', 0, [bad, { ...bad, headers: {} }]);
    expect(pod.unready?.()).toEqual([]);
    ahead = 60_000;
    await waitFor(() => pod.unready?.().length === 1);
    expect(pod.unready?.()).toEqual(["the clock is more than 10 s off the log's"]);
    ahead = 0;
    await waitFor(() => pod.unready?.().length === 0);
  });
});
