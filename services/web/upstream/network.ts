import { ProblemError } from '@starling/platform/http';
import { type Dispatcher, errors, Pool } from 'undici';
import type { UpstreamService } from '../domain/route-table.ts';
import { keepText } from './headers.ts';
import type { Upstream } from './upstream.ts';

/** Longer than a command or a post waits before it answers by itself. */
const ANSWER_MS = 10_000;
const CONNECT_MS = 2_000;
const CONNECTIONS = 64;

/** Services in other processes; `services` are their origins, `http://host:port`. */
export function createNetworkUpstream(services: Record<UpstreamService, string>): Upstream & { close(): Promise<void> } {
  const options: Pool.Options = { connections: CONNECTIONS, connectTimeout: CONNECT_MS, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS };
  const pools = new Map(Object.entries(services).map(([name, origin]) => [name, new Pool(origin, options)]));
  return {
    async forward(service, { method, url, headers, body }) {
      try {
        const response = await (pools.get(service) as Pool).request({
          method: method as Dispatcher.HttpMethod,
          path: url,
          headers,
          body: body ?? null,
        });
        return { status: response.statusCode, headers: keepText(response.headers), body: Buffer.from(await response.body.arrayBuffer()) };
      } catch (error) {
        throw new ProblemError(mayBeDone(method, error) ? 'unknown' : 'unavailable');
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}

function mayBeDone(method: string, error: unknown): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  if (error instanceof errors.ConnectTimeoutError) return false;
  return !['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN'].includes((error as NodeJS.ErrnoException).code ?? '');
}
