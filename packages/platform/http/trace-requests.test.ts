import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { describeSpan, inSpan } from '../telemetry/index.ts';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { recordSpans } from '../telemetry/test-spans.ts';
import { createHttpServer } from './server.ts';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

describe('a request of the API', () => {
  it('has a span in the trace that it came with, around all that its route does', async () => {
    const spans = await recordSpans(async () => {
      const app = createHttpServer({ logger: createTestLogger().logger, service: 'delivery' });
      const begun = Promise.withResolvers<void>();
      app.addHook('onRequest', async () => {
        describeSpan(() => ({ 'enduser.id': 'ann' }));
        begun.resolve();
      });
      app.post('/v1/things/:id', { schema: { body: Type.Object({ text: Type.String() }) } }, async (_request, reply) => {
        await inSpan('within', {}, async () => {});
        return reply.code(201).send({});
      });
      const url = await app.listen({ host: '127.0.0.1', port: 0 });
      const headers = { 'content-type': 'application/json', traceparent: PARENT };
      const asked = request(`${url}/v1/things/7?q=must-not-be-traced`, { method: 'POST', headers });
      // The body comes for itself, from a connection that knows of no span.
      asked.flushHeaders();
      await begun.promise;
      asked.end(JSON.stringify({ text: 'must-not-be-traced' }));
      const [reply] = (await once(asked, 'response')) as [IncomingMessage];
      expect(reply.statusCode).toBe(201);
      await once(reply.resume(), 'end');
      await app.close();
    });
    const [within, whole] = spans;
    expect(spans).toHaveLength(2);
    expect(whole).toMatchObject({
      name: 'POST /v1/things/:id',
      service: 'delivery',
      trace: 'a'.repeat(32),
      parent: 'b'.repeat(16),
      attributes: { 'http.response.status_code': 201, 'enduser.id': 'ann' },
    });
    expect(within).toMatchObject({ parent: whole?.span, attributes: { 'enduser.id': 'ann' } });
    expect(JSON.stringify(spans)).not.toContain('must-not-be-traced');
  });

  it('begins a trace when it comes without one, and with one that cannot be read', async () => {
    const spans = await recordSpans(async () => {
      const app = createHttpServer({ logger: createTestLogger().logger });
      app.get('/v1/things', async () => ({}));
      app.get('/page.html', async () => ({}));
      for (const traceparent of [undefined, 'nonsense', `${PARENT}-more`]) {
        await app.inject({ url: '/v1/things', headers: traceparent === undefined ? {} : { traceparent } });
      }
      await app.inject({ url: '/page.html' });
      await app.inject({ url: '/v1/nowhere' });
      await app.close();
    });
    expect(spans.map(({ name, parent }) => [name, parent])).toEqual(Array(3).fill(['GET /v1/things', undefined]));
    expect(new Set(spans.map(({ trace }) => trace)).size).toBe(3);
  });
});
