import type { IncomingMessage } from 'node:http';
import helmet from '@fastify/helmet';
import { ProblemError } from '@starling/platform/http';
import type { FastifyInstance } from 'fastify';
import type { Proxies } from '../domain/proxies.ts';
import { readSite } from '../domain/site.ts';
import { noteVisitor, siteOf, type Trusted } from '../sessions/visitor.ts';
import { HTTPS_REQUIRED_PAGE } from './https-required-page.ts';

const YEAR_SECONDS = 31_536_000;
/** What a browser must be told before a page of an allowed origin may call, with the cookie, and read the answer. */
const CALLED_BY_OTHERS = {
  'access-control-allow-credentials': 'true',
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers': 'content-type, idempotency-key, x-starling-request',
  vary: 'origin',
};

/** What holds for every answer: security headers, no plain HTTP but on the machine itself, and no cache keeps data. */
export async function guardRoutes(app: FastifyInstance, trusted: Trusted): Promise<void> {
  const { proxies, allowedOrigins } = trusted;
  await app.register(helmet, {
    contentSecurityPolicy: {
      // The defaults contain upgrade-insecure-requests, with which http://localhost would load nothing.
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'"],
        'manifest-src': ["'self'"],
        'worker-src': ["'self'"],
        'connect-src': ["'self'", (request) => socketSource(request, proxies)],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
    // Set below, where it is known which site this is.
    strictTransportSecurity: false,
    frameguard: { action: 'deny' },
    // Not no-referrer: browsers then send `Origin: null` with some requests of our own page.
    referrerPolicy: { policy: 'same-origin' },
  });

  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    noteVisitor(request, trusted);
    const site = siteOf(request);
    // A browser applies it to every port of the name, so that on localhost it would lock out other programs.
    if (site.secure && !site.local) reply.header('strict-transport-security', `max-age=${YEAR_SECONDS}`);
    if (allowedOrigins.has(request.headers.origin ?? '')) {
      reply.headers({ ...CALLED_BY_OTHERS, 'access-control-allow-origin': request.headers.origin });
      if (request.method === 'OPTIONS') return reply.code(204).send();
    }
    if (site.secure || site.local) return;
    if (!request.headers.accept?.includes('text/html')) throw new ProblemError('https-required');
    return reply.code(403).header('cache-control', 'no-store').type('text/html; charset=utf-8').send(HTTPS_REQUIRED_PAGE);
  });
}

/** Not every browser takes 'self' to mean the site's sockets too. */
function socketSource(request: IncomingMessage, proxies: Proxies): string {
  const site = readSite('encrypted' in request.socket, request, proxies);
  return site ? `${site.secure ? 'wss' : 'ws'}://${site.host}` : "'self'";
}
