import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLOSE_CODES, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { systemClock } from '@starling/platform/clock';
import { loadConfig } from '@starling/platform/config';
import { publicKeysFile, rotateKeys } from '@starling/platform/tokens';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createDelivery, type Delivery } from '../app.ts';
import { DeliveryConfig } from '../config.ts';

const INTERNAL = [CLOSE_CODES.internal.code, CLOSE_CODES.internal.reason];

let database: TestDatabase;
let platform: TestPlatform;
let delivery: Delivery;
let server: Server;
/** Lets the check of tokens fail as a fault of ours would. */
let fault: Error | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  platform = await createTestPlatform({ database, services: {}, keyPollMs: 50 });
  const own = platform.platform('delivery');
  const gate: typeof own.gate = {
    ...own.gate,
    async verifyUserToken(token) {
      if (fault) throw fault;
      return own.gate.verifyUserToken(token);
    },
  };
  delivery = createDelivery(loadConfig(DeliveryConfig, { overrides: { pod: 'pod-0' } }), { ...own, gate });
  await delivery.start();
  server = createServer().on('upgrade', (request, stream, head) => delivery.upgrade(request, stream, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server?.close();
  await delivery?.stop();
  await platform?.stop();
  await database?.drop();
});

async function connect(): Promise<{ socket: WebSocket; token: string }> {
  const token = await platform.mintUserToken({ user: v7(), scope: 'socket' });
  const { port } = server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
  socket.on('error', () => {});
  onTestFinished(() => socket.terminate());
  return { socket, token };
}

/** Connects until it is let in: a pod that stood still for a moment reads up first, and says so. */
async function connectLive(): Promise<{ socket: WebSocket; token: string; hello: Buffer }> {
  return waitFor(async () => {
    const connected = await connect();
    const first = await Promise.race([once(connected.socket, 'message'), once(connected.socket, 'close')]);
    return typeof first[0] !== 'number' && { ...connected, hello: first[0] as Buffer };
  });
}

/** The id of the key that signed a token. */
const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;

async function closeOf(socket: WebSocket): Promise<unknown[]> {
  const [code, reason] = (await once(socket, 'close', { signal: AbortSignal.timeout(10_000) })) as [number, Buffer];
  return [code, reason.toString()];
}

describe('a socket that was opened by the token of a key', () => {
  const place = () => ({
    directory: platform.keyDirectory,
    issuers: ['identity'],
    publicFile: publicKeysFile(platform.keyDirectory),
    clock: systemClock,
  });

  it('is closed when that key is dropped, and not when another comes beside it', async () => {
    const { socket } = await connectLive();
    const kid = kidOf(await platform.mintUserToken({ user: v7() }));
    await rotateKeys({ ...place(), overlap: { publishAheadMs: 0, keepMs: 60_000 } });
    await waitFor(async () => kidOf(await platform.mintUserToken({ user: v7() })) !== kid);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    const closed = closeOf(socket);
    await rotateKeys({ ...place(), dropOld: true });
    expect(await closed).toEqual([CLOSE_CODES.unauthenticated.code, CLOSE_CODES.unauthenticated.reason]);
  });
});

describe('a fault of ours', () => {
  it('while a socket is taken is an answer and is logged, and the pod goes on', async () => {
    fault = new Error('the first fault');
    const { socket } = await connect();
    const [, response] = (await once(socket, 'unexpected-response', { signal: AbortSignal.timeout(10_000) })) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(500);
    expect(platform.logLines.join('')).toContain('the first fault');
    fault = undefined;
    expect(JSON.parse((await connectLive()).hello.toString())).toMatchObject({ type: 'hello' });
  });

  it('while a token is renewed closes the socket and is logged', async () => {
    const { socket, token } = await connectLive();
    fault = new Error('the second fault');
    socket.send(JSON.stringify({ type: 'authenticate', token }));
    expect(await closeOf(socket)).toEqual(INTERNAL);
    expect(platform.logLines.join('')).toContain('the second fault');
    fault = undefined;
  });
});
