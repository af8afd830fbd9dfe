import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isTracing, SERVICE_ATTRIBUTE, type Span, SpanKind, startSpan, withSpan } from '../telemetry/index.ts';

/**
 * Gives each request of the API a span, in the trace that it came with, within which its route runs. `service`: which one
 * answers, where several share the process.
 */
export function traceRequests(app: FastifyInstance, service: string | undefined): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  const end = (request: FastifyRequest, reply?: FastifyReply) => {
    const span = spans.get(request);
    if (!span) return;
    spans.delete(request);
    if (reply) span.setAttribute('http.response.status_code', reply.statusCode);
    span.end();
  };

  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url;
    // The client's files are of no interest, and many.
    if (!isTracing() || !route?.startsWith('/v1/')) return done();
    const span = startSpan(`${request.method} ${route}`, {
      kind: SpanKind.SERVER,
      carrier: request.headers,
      attributes: { 'http.request.method': request.method, 'http.route': route, ...(service ? { [SERVICE_ATTRIBUTE]: service } : {}) },
    });
    spans.set(request, span);
    withSpan(span, done);
  });
  app.addHook('onResponse', async (request, reply) => end(request, reply));
  app.addHook('onRequestAbort', async (request) => end(request));
}
