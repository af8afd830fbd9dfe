import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export interface SidePort {
  port: number;
  close(): Promise<void>;
}

/**
 * What operators and their machines ask a process, on a port of its own that is not for users: `/metrics` (Prometheus),
 * `/healthz` (the process lives) and `/readyz` (200, or 503 with the reasons, a line each).
 */
export async function openSidePort(options: {
  host: string;
  port: number;
  metrics: Metrics;
  /** Why the process should get no work now; none: it is ready. */
  reasons(): string[];
}): Promise<SidePort> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const answer = (status: number, text: string, contentType = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': contentType }).end(text);
    };
    if (request.method !== 'GET') answer(405, 'only GET is answered here\n');
    else if (path === '/healthz') answer(200, 'ok\n');
    else if (path === '/readyz') {
      const reasons = options.reasons();
      answer(reasons.length === 0 ? 200 : 503, reasons.length === 0 ? 'ready\n' : `${reasons.join('\n')}\n`);
    } else if (path === '/metrics') {
      options.metrics.scrape().then(
        ({ contentType, text }) => answer(200, text, contentType),
        () => answer(500, 'the metrics could not be collected\n'),
      );
    } else answer(404, 'there is /metrics, /healthz and /readyz\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
