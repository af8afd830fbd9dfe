import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type SecureClientSessionOptions,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { ConnectRouter, Transport } from '@connectrpc/connect';
import { connectNodeAdapter, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { ServiceMetrics } from '../metrics/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type Certificates, certificateOf } from '../tls/index.ts';
import type { Gate, Minter } from '../tokens/index.ts';
import { attachTokens, fromConnectionOf, requireTokens } from './caller.ts';
import { concealErrors, measureCalls, RPC_TIMEOUT_MS } from './errors.ts';

/**
 * Calls to a service in another process by gRPC over HTTP/2.
 *
 * @param options.certificates what is shown to it, which then has an https URL and must be whom the URL names. A
 * connection goes on when they change, and the next one uses the new ones.
 */
export function createNetworkTransport(options: {
  callee: string;
  baseUrl: string;
  minter: Minter;
  certificates?: Certificates | undefined;
}): Transport {
  const { baseUrl, certificates } = options;
  return createGrpcTransport({
    baseUrl,
    interceptors: [attachTokens(options.minter, options.callee)],
    defaultTimeoutMs: RPC_TIMEOUT_MS,
    ...(certificates && { sessionManager: new Http2SessionManager(baseUrl, {}, currentOptions(certificates)) }),
  });
}

/** Read anew for each connection. */
function currentOptions(certificates: Certificates): SecureClientSessionOptions {
  return {
    minVersion: 'TLSv1.3',
    get ca() {
      return certificates.current().ca;
    },
    get cert() {
      return certificates.current().cert;
    },
    get key() {
      return certificates.current().key;
    },
  };
}

/**
 * Listens for gRPC over HTTP/2: the second listener of a service beside its HTTP/1.1. With certificates, only those who
 * show one of theirs get in; without TLS, a server cannot tell the two protocols apart.
 */
export async function serveRpc(options: {
  host: string;
  port: number;
  gate: Gate;
  logger: Logger;
  metrics: ServiceMetrics;
  certificates?: Certificates | undefined;
  routes(router: ConnectRouter): void;
}): Promise<{ port: number; close(): Promise<void> }> {
  const handler = connectNodeAdapter({
    routes: options.routes,
    interceptors: [measureCalls(options.metrics), concealErrors(options.logger), requireTokens(options.gate, options.logger)],
    contextValues: (request) => fromConnectionOf(certificateOf(request as Http2ServerRequest)),
  });
  const { certificates } = options;
  const server = certificates ? createSecureServer(certificates.serverOptions(), handler) : createServer(handler);
  certificates?.follow(server as Http2SecureServer);
  const sessions = new Set<ServerHttp2Session>();
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
