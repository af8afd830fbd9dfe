import type { FastifyInstance } from 'fastify';
import type { UpstreamService } from '../domain/route-table.ts';
import { keepText } from './headers.ts';
import type { Upstream } from './upstream.ts';

type Method = 'GET';

/** Services in the same process, without a socket between. */
export function createLocalUpstream(services: Record<UpstreamService, FastifyInstance>): Upstream {
  return {
    async forward(service, { method, url, headers, body }) {
      const response = await services[service].inject({ method: method as Method, url, headers, ...(body ? { payload: body } : {}) });
      return { status: response.statusCode, headers: keepText(response.headers), body: response.rawPayload };
    },
  };
}
