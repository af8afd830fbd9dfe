import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inSpan, startTracing, traceHeaders } from './tracing.ts';

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/;

/** Takes what is exported, as bytes: names and attributes are readable in protobuf. */
interface Receiver {
  url: string;
  requests: { path: string | undefined; type: string | undefined; body: string }[];
  server: Server;
}

async function startReceiver(): Promise<Receiver> {
  const requests: Receiver['requests'] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push({ path: request.url, type: request.headers['content-type'], body: Buffer.concat(chunks).toString('latin1') });
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, server };
}

// The state of the process: what holds before it was started must be asked first.
describe('without tracing', () => {
  it('work runs in a span all the same, and no call carries a trace', async () => {
    await startTracing({ service: 'test' })();
    const result = await inSpan('quiet', { carrier: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } }, async () => {
      expect(traceHeaders()).toEqual({});
      return 7;
    });
    expect(result).toBe(7);
    await expect(inSpan('fails', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});

describe('tracing', () => {
  let receiver: Receiver;
  let stop: () => Promise<void>;
  let stopped = false;
  const stopOnce = async () => {
    if (!stopped) await stop();
    stopped = true;
  };
  beforeAll(async () => {
    receiver = await startReceiver();
    stop = startTracing({ service: 'service-under-test', otlpEndpoint: receiver.url });
  });
  afterAll(async () => {
    await stopOnce();
    receiver.server.closeAllConnections();
    await new Promise((resolve) => receiver.server.close(resolve));
  });

  it('gives calls a trace context within a span, and none outside', async () => {
    expect(traceHeaders()).toEqual({});
    await inSpan('outer', {}, async () => {
      const outer = traceHeaders()['traceparent'] ?? '';
      expect(outer).toMatch(TRACEPARENT);
      await inSpan('inner', {}, async () => {
        const inner = traceHeaders()['traceparent'] ?? '';
        expect(inner.slice(0, 36)).toBe(outer.slice(0, 36));
        expect(inner).not.toBe(outer);
      });
    });
  });

  it('goes on with the trace of the call that came', async () => {
    const carrier = { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` };
    const here = await inSpan('continued', { carrier, kind: SpanKind.SERVER }, async () => traceHeaders()['traceparent']);
    expect(here).toMatch(new RegExp(`^00-${'c'.repeat(32)}-(?!${'d'.repeat(16)})`));
  });

  it('records a rejection and passes it on', async () => {
    const error = new Error('the-reason-of-the-failure');
    await expect(inSpan('failing-span', {}, () => Promise.reject(error))).rejects.toBe(error);
  });

  it('exports what is buffered when it is stopped, to /v1/traces alone', async () => {
    await inSpan('last-span', { attributes: { 'starling.test': 'an-attribute' } }, async () => {});
    await stopOnce();
    const body = receiver.requests.map((request) => request.body).join('');
    for (const name of [
      'outer',
      'inner',
      'continued',
      'failing-span',
      'the-reason-of-the-failure',
      'last-span',
      'an-attribute',
      'service-under-test',
    ])
      expect(body).toContain(name);
    expect(new Set(receiver.requests.map(({ path, type }) => `${path} ${type}`))).toEqual(new Set(['/v1/traces application/x-protobuf']));
  });
});
