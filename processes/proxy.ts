import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';

/** Where a request goes: candidates in the order in which they are tried, each a port of this machine. */
export type Route = (path: string) => number[];

/**
 * A small reverse proxy for development: requests and sockets go to the first of their candidates that accepts a
 * connection. What stands before a cluster does more.
 */
export async function startProxy(options: { port: number; host: string; route: Route }): Promise<{ port: number; close(): void }> {
  const server = createServer((request, response) => forward(request, response, options.route(pathOf(request))));
  server.on('upgrade', (request, stream, head) => {
    // The server listens to it no more; a reset would be an exception that nobody catches.
    stream.on('error', () => stream.destroy());
    forwardUpgrade(request, stream, head, options.route(pathOf(request)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Spreads over targets in turn; a dead one is passed over by whoever tries them in order. */
export function inTurn(ports: readonly number[]): () => number[] {
  let turn = 0;
  return () => {
    turn = (turn + 1) % ports.length;
    return [...ports.slice(turn), ...ports.slice(0, turn)];
  };
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?')[0] ?? '/';
}

function forward(request: IncomingMessage, response: ServerResponse, [port, ...others]: number[]): void {
  if (response.destroyed) return;
  if (port === undefined) {
    response.writeHead(503, { 'retry-after': '1' }).end();
    return;
  }
  const { method, url, headers } = request;
  const onward = httpRequest({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // An answer that breaks off breaks off for the client too.
    pipeline(answer, response, () => {});
  });
  const abandon = () => {
    if (!response.writableFinished) onward.destroy();
  };
  response.once('close', abandon);
  let connected = false;
  onward.on('socket', (socket) => {
    const begin = () => {
      connected = true;
      request.pipe(onward);
    };
    if (socket.connecting) socket.once('connect', begin);
    else begin();
  });
  onward.on('error', () => {
    response.off('close', abandon);
    // A request that may have arrived is not sent to another.
    if (!connected) forward(request, response, others);
    else if (!response.headersSent) response.writeHead(502).end();
    else response.destroy();
  });
}

function forwardUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, [port, ...others]: number[]): void {
  if (stream.destroyed) return;
  if (port === undefined) {
    stream.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n');
    return;
  }
  const onward = connect(port, '127.0.0.1');
  const abandon = () => onward.destroy();
  stream.once('close', abandon);
  let connected = false;
  onward.on('error', () => {
    stream.off('close', abandon);
    if (!connected) forwardUpgrade(request, stream, head, others);
    else stream.destroy();
  });
  onward.once('connect', () => {
    connected = true;
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let index = 0; index < request.rawHeaders.length; index += 2)
      lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`);
    onward.write(`${lines.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    onward.pipe(stream);
    stream.pipe(onward);
    onward.on('close', () => stream.destroy());
  });
}
