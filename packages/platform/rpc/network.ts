import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { ConnectRouter, Transport } from '@connectrpc/connect';
import { connectNodeAdapter, createGrpcTransport } from '@connectrpc/connect-node';
import type { ServiceMetrics } from '../metrics/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Gate, Minter } from '../tokens/index.ts';
import { attachTokens, requireTokens } from './caller.ts';
import { concealErrors, measureCalls, RPC_TIMEOUT_MS } from './errors.ts';

/** Calls to a service in another process by gRPC over HTTP/2. */
export function createNetworkTransport(options: { callee: string; baseUrl: string; minter: Minter }): Transport {
  return createGrpcTransport({
    baseUrl: options.baseUrl,
    interceptors: [attachTokens(options.minter, options.callee)],
    defaultTimeoutMs: RPC_TIMEOUT_MS,
  });
}

/**
 * Listens for gRPC over HTTP/2 without TLS: the second listener of a service beside its HTTP/1.1, since a server
 * without TLS cannot tell the two apart.
 */
export async function serveRpc(options: {
  host: string;
  port: number;
  gate: Gate;
  logger: Logger;
  metrics: ServiceMetrics;
  routes(router: ConnectRouter): void;
}): Promise<{ port: number; close(): Promise<void> }> {
  const handler = connectNodeAdapter({
    routes: options.routes,
    interceptors: [measureCalls(options.metrics), concealErrors(options.logger), requireTokens(options.gate, options.logger)],
  });
  const server = createServer(handler);
  const sessions = new Set<import('node:http2').ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        for (const session of sessions) session.close();
      }),
  };
}
