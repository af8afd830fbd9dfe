import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type ConnectRouter, createClient } from '@connectrpc/connect';
import { connectNodeAdapter, createGrpcTransport } from '@connectrpc/connect-node';
import { SessionsService } from '@starling/contracts/rpc';
import { createMetrics } from '@starling/platform/metrics';
import { createNetworkTransport, onBehalfOf, serveRpc } from '@starling/platform/rpc';
import { createLogger } from '@starling/platform/telemetry';
import type { Issuers, TokenHolder } from '../tokens/issuers.ts';

/** One and the same call, made as services make it and made plainly. */
export interface Hop {
  ours(user: TokenHolder): Promise<unknown>;
  plain(user: TokenHolder): Promise<unknown>;
  close(): Promise<void>;
}

const CALLEE = 'identity';
const HOST = '127.0.0.1';

/** A call of web to identity over gRPC for a user, beside connect with nothing of ours on either side. */
export async function openRpcHop(issuers: Issuers): Promise<Hop> {
  const routes = (router: ConnectRouter) => void router.service(SessionsService, { listSessions: () => ({ sessions: [] }) });
  const server = await serveRpc({
    host: HOST,
    port: 0,
    gate: issuers.gateOf(CALLEE),
    logger: createLogger({ service: CALLEE, level: 'silent' }),
    metrics: createMetrics().of(CALLEE),
    routes,
  });
  const plainServer = createServer(connectNodeAdapter({ routes }));
  await new Promise<void>((resolve) => plainServer.listen(0, HOST, resolve));
  const { port } = plainServer.address() as AddressInfo;

  const baseUrl = `http://${HOST}:${server.port}`;
  const sessions = createClient(SessionsService, createNetworkTransport({ callee: CALLEE, baseUrl, minter: issuers.web.minter }));
  const plainSessions = createClient(SessionsService, createGrpcTransport({ baseUrl: `http://${HOST}:${port}` }));
  return {
    ours: (user) => sessions.listSessions({}, onBehalfOf(user)),
    plain: () => plainSessions.listSessions({}),
    async close() {
      plainServer.close();
      await server.close();
    },
  };
}
