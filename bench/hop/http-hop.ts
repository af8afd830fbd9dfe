import { createHttpServer, HOP_HEADER, requireUserCaller } from '@starling/platform/http';
import { createMetrics } from '@starling/platform/metrics';
import { createLogger } from '@starling/platform/telemetry';
import { createNetworkUpstream } from '@starling/web/upstream';
import { Pool } from 'undici';
import type { Issuers } from '../tokens/issuers.ts';
import type { Hop } from './rpc-hop.ts';

const CALLEE = 'user';
const PATH = '/v1/users/me';
const ANSWER = { id: '0199c7d2-0000-7000-8000-000000000000', name: 'Somebody' };

/** web's forwarding of a request to the service `user`, beside undici and the same server without tokens. */
export async function openHttpHop(issuers: Issuers): Promise<Hop> {
  const createServer = () =>
    createHttpServer({ logger: createLogger({ service: CALLEE, level: 'silent' }), metrics: createMetrics().of(CALLEE) });
  const server = createServer();
  requireUserCaller(server, issuers.gateOf(CALLEE));
  server.get(PATH, { config: { right: 'profiles.use' } }, async () => ANSWER);
  const origin = await server.listen({ host: '127.0.0.1', port: 0 });
  const plainServer = createServer();
  plainServer.get(PATH, async () => ANSWER);
  const plain = new Pool(await plainServer.listen({ host: '127.0.0.1', port: 0 }), { connections: 64 });
  const upstream = createNetworkUpstream({ user: origin, conversation: origin, delivery: origin });

  return {
    async ours(user) {
      const hop = await issuers.web.minter.mintHopToken(CALLEE, user);
      const headers = { accept: 'application/json', authorization: `Bearer ${user.token}`, [HOP_HEADER]: hop };
      const { status } = await upstream.forward('user', { method: 'GET', url: PATH, headers, body: undefined });
      if (status !== 200) throw new Error(`${PATH} was answered ${status}`);
    },
    async plain() {
      const { statusCode, body } = await plain.request({ method: 'GET', path: PATH, headers: { accept: 'application/json' } });
      await body.arrayBuffer();
      if (statusCode !== 200) throw new Error(`${PATH} was answered ${statusCode}`);
    },
    async close() {
      await Promise.all([plain.close(), upstream.close()]);
      await Promise.all([plainServer.close(), server.close()]);
    },
  };
}
