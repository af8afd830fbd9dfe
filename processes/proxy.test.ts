import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createSocketServer, type Server } from 'node:net';
import { waitFor } from '@starling/testing/wait-for';
import { expect, it, onTestFinished } from 'vitest';
import { startProxy } from './proxy.ts';

const HOST = '127.0.0.1';
const UPGRADE = `GET /v1/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

async function proxyTo(...ports: number[]): Promise<number> {
  const proxy = await startProxy({ host: HOST, port: 0, route: () => ports });
  onTestFinished(() => proxy.close());
  return proxy.port;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(answer);
  onTestFinished(() => server.closeAllConnections());
  return await listen(server);
}

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createSocketServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

it('bears clients that reset their upgrade in any phase', async () => {
  const port = await proxyTo(await deadPort(), await deadPort());
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const socket = connect(port, HOST).on('error', () => {});
      await once(socket, 'connect');
      const closed = once(socket, 'close');
      socket.write(UPGRADE, () => {
        if (index % 3 === 0) socket.resetAndDestroy();
        else if (index % 3 === 1) setImmediate(() => socket.resetAndDestroy());
        else socket.once('data', () => socket.resetAndDestroy());
      });
      await closed;
    }),
  );
  expect((await fetch(`http://${HOST}:${port}/`)).status).toBe(503);
});

it('passes over a dead pod, and ends the connection to a pod with that of its client', async () => {
  let reached = 0;
  let left = 0;
  const pod = createSocketServer((socket) => {
    reached++;
    socket.on('error', () => {}).on('close', () => left++);
    socket.on('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  });
  const socket = connect(await proxyTo(await deadPort(), await listen(pod)), HOST).on('error', () => {});
  socket.write(UPGRADE);
  expect(String((await once(socket, 'data'))[0])).toContain('101');
  socket.resetAndDestroy();
  await waitFor(() => left === 1);
  expect(reached).toBe(1);
});

it.each(['before', 'in the midst of'])('breaks the request off when the client leaves %s the answer', async (phase) => {
  let arrived = 0;
  let brokenOff = 0;
  const port = await serve((_, response) => {
    arrived++;
    if (phase !== 'before') response.write('first');
    response.on('close', () => brokenOff++);
  });
  const sent = request({ host: HOST, port: await proxyTo(port, port), path: '/' }).on('error', () => {});
  const answered = new Promise((resolve) => sent.once('response', (answer) => answer.on('error', () => {}).once('data', resolve)));
  sent.end();
  await (phase === 'before' ? waitFor(() => arrived === 1) : answered);
  sent.destroy();
  await waitFor(() => brokenOff === 1);
  expect(arrived).toBe(1);
});

it('breaks an answer off that breaks off', async () => {
  const port = await serve((_, response) => void response.write('first', () => response.destroy()));
  const answer = await fetch(`http://${HOST}:${await proxyTo(port)}/`);
  await expect(answer.text()).rejects.toThrow();
});
