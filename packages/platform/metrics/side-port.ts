import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export interface SidePort {
  port: number;
  close(): Promise<void>;
}

export interface SideAnswer {
  status: number;
  contentType: string;
  text: string;
  headers?: Record<string, string>;
}

/** Answers GET of one path of the side port. A rejection is answered 500. */
export type SideRoute = (query: URLSearchParams) => Promise<SideAnswer>;

/**
 * What operators and their machines ask a process, on a port of its own that is not for users: `/metrics` (Prometheus),
 * `/healthz` (the process lives), `/readyz` (200, or 503 with the reasons, a line each), and whatever `routes` adds, by
 * path. On a loopback address only loopback's names are answered to: a page in a browser on this machine could otherwise
 * ask under a name of its own that leads here.
 */
export async function openSidePort(options: {
  host: string;
  port: number;
  metrics: Pick<Metrics, 'scrape'>;
  /** Why the process should get no work now; none: it is ready. */
  reasons(): string[];
  /** Asked at each request: a service that is not there yet adds its own later. */
  routes?(): Record<string, SideRoute>;
}): Promise<SidePort> {
  const { metrics, reasons, host } = options;
  const own: Record<string, SideRoute> = {
    '/metrics': async () => ({ status: 200, ...(await metrics.scrape()) }),
    '/healthz': async () => plain(200, 'ok'),
    '/readyz': async () => {
      const found = reasons();
      return found.length === 0 ? plain(200, 'ready') : plain(503, found.join('\n'));
    },
  };

  async function answer(request: IncomingMessage): Promise<SideAnswer> {
    if (request.method !== 'GET') return plain(405, 'only GET is answered here');
    if (isLoopback(host) && !isLoopback(hostNameOf(request))) return plain(403, 'this port is asked as localhost only');
    const url = URL.parse(request.url ?? '', 'http://localhost');
    const routes = new Map(Object.entries({ ...own, ...options.routes?.() }));
    const route = url && routes.get(url.pathname);
    if (!url || !route) return plain(404, `there is ${[...routes.keys()].join(', ')}`);
    return route(url.searchParams).catch(() => plain(500, 'this could not be collected'));
  }

  const server = createServer((request, response) => {
    void answer(request).then(({ status, contentType, text, headers }) => {
      response.writeHead(status, { ...headers, 'content-type': contentType, 'x-content-type-options': 'nosniff' }).end(text);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
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

function plain(status: number, line: string): SideAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', text: `${line}\n` };
}

function hostNameOf(request: IncomingMessage): string {
  return URL.parse(`http://${request.headers.host ?? ''}`)?.hostname ?? '';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
