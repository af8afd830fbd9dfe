import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { UserIdentity } from '@starling/platform/tokens';
import { WebSocket, WebSocketServer } from 'ws';
import { Connection } from './connection.ts';
import { Flusher } from './flusher.ts';

/** A real socket between this process and itself: the server's end with the stream below it, and the client's. */
export interface SocketPair {
  server: WebSocket;
  stream: Duplex;
  client: WebSocket;
  /** What the client got, and how its socket closed. */
  received: { messages: string[]; closed?: { code: number; reason: string } };
  close(): Promise<void>;
}

export async function openSocketPair(): Promise<SocketPair> {
  const http = createServer();
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const accepted = new Promise<{ server: WebSocket; stream: Duplex }>((resolve) => {
    http.once('upgrade', (request, stream, head) => upgrades.handleUpgrade(request, stream, head, (server) => resolve({ server, stream })));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const received: SocketPair['received'] = { messages: [] };
  client.on('message', (data, binary) => received.messages.push(binary ? 'binary' : data.toString()));
  client.on('close', (code, reason) => {
    received.closed = { code, reason: reason.toString() };
  });
  client.on('error', () => {});
  await once(client, 'open');
  return {
    ...(await accepted),
    client,
    received,
    async close() {
      client.terminate();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

const SOMEBODY: UserIdentity = {
  user: 'ann',
  session: 's',
  token: '',
  scope: 'socket',
  origin: undefined,
  expiresAt: Number.MAX_SAFE_INTEGER,
  issuedAt: 0,
  role: 'member',
  tokenId: 't',
};

/** The server's end as the gateway holds it. */
export function connectionOf({ server, stream }: Pick<SocketPair, 'server' | 'stream'>, maxBytes = 1024 * 1024): Connection {
  const connection = new Connection({
    socket: server,
    stream,
    identity: SOMEBODY,
    maxBytes,
    requestFlush: new Flusher().request,
    onDrop() {},
  });
  server.once('close', () => connection.markClosed());
  return connection;
}
