import { ProblemError } from '@starling/platform/http';
import { type Certificates, certificateFault } from '@starling/platform/tls';
import { buildConnector, type Dispatcher, errors, Pool } from 'undici';
import type { UpstreamService } from '../domain/route-table.ts';
import { keepText } from './headers.ts';
import type { Upstream } from './upstream.ts';

/** Longer than a command or a post waits before it answers by itself. */
const ANSWER_MS = 10_000;
const CONNECT_MS = 2_000;
const CONNECTIONS = 64;

/**
 * Services in other processes; `services` are their origins, `http://host:port` or, where services prove themselves by
 * `certificates`, `https://host:port`.
 */
export function createNetworkUpstream(
  services: Record<UpstreamService, string>,
  certificates?: Certificates,
): Upstream & { close(): Promise<void> } {
  const connect = certificates ? connectBy(certificates) : { timeout: CONNECT_MS };
  const options: Pool.Options = { connections: CONNECTIONS, connect, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS };
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

/** Each connection is made by what is current then, and none goes back to a session from before. */
function connectBy(certificates: Certificates): buildConnector.connector {
  return (options, callback) => {
    const { ca, cert, key } = certificates.current();
    buildConnector({ ca, cert, key, minVersion: 'TLSv1.3', timeout: CONNECT_MS, maxCachedSessions: 0 })(options, callback);
  };
}

function mayBeDone(method: string, error: unknown): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  if (error instanceof errors.ConnectTimeoutError) return false;
  const { code = '' } = error as NodeJS.ErrnoException;
  // Nothing is sent to a server whose certificate is not taken.
  return certificateFault(code) === undefined && !['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN'].includes(code);
}
