import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';
import { openSidePort, type SidePort } from './side-port.ts';

let side: SidePort;
let reasons: string[] = [];
beforeEach(async () => {
  reasons = [];
  side = await openSidePort({
    host: '127.0.0.1',
    port: 0,
    metrics: createMetrics(),
    reasons: () => reasons,
    routes: () => ({
      '/own': async (query) => ({
        status: 202,
        contentType: 'text/html',
        text: query.get('q') ?? '',
        headers: { 'cache-control': 'no-store' },
      }),
      '/failing': () => Promise.reject(new Error('with a secret in it')),
    }),
  });
});
afterEach(() => side.close());

function ask(path: string, options: { host?: string; method?: string } = {}): Promise<{ status: number; text: string; headers: object }> {
  return new Promise((resolve, reject) => {
    const { host = `localhost:${side.port}`, method = 'GET' } = options;
    const asked = request({ host: '127.0.0.1', port: side.port, path, method, headers: { host } }, async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers });
    });
    asked.on('error', reject).end();
  });
}

describe('the side port', () => {
  it('says that the process lives, whether it is ready, and what it measures', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await ask('/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
    reasons = ['one', 'two'];
    expect(await ask('/readyz')).toMatchObject({ status: 503, text: 'one\ntwo\n' });
    expect(await ask('/metrics?x')).toMatchObject({ status: 200, text: expect.stringContaining('starling_connections') });
  });

  it('answers what was added to it, with its query and headers', async () => {
    expect(await ask('/own?q=1%202')).toMatchObject({
      status: 202,
      text: '1 2',
      headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
    });
    const failed = await ask('/failing');
    expect(failed.status).toBe(500);
    expect(failed.text).not.toContain('secret');
  });

  it('knows no other paths and methods', async () => {
    expect(await ask('/')).toMatchObject({ status: 404, text: 'there is /metrics, /healthz, /readyz, /own, /failing\n' });
    expect((await ask('//[')).status).toBe(404);
    expect((await ask('/own', { method: 'POST' })).status).toBe(405);
  });

  it('on a loopback address answers to no name but loopback’s', async () => {
    for (const host of ['localhost', '127.0.0.1:1', '[::1]:80']) expect((await ask('/healthz', { host })).status, host).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', 'x y'])
      expect((await ask('/healthz', { host })).status, host).toBe(403);
  });

  it('answers what a service adds later', async () => {
    const routes: Record<string, () => Promise<{ status: number; contentType: string; text: string }>> = {};
    const other = await openSidePort({ host: '127.0.0.1', port: 0, metrics: createMetrics(), reasons: () => [], routes: () => routes });
    const status = async () => (await fetch(`http://127.0.0.1:${other.port}/load`)).status;
    expect(await status()).toBe(404);
    routes['/load'] = async () => ({ status: 200, contentType: 'text/plain', text: 'none' });
    expect(await status()).toBe(200);
    await other.close();
  });
});
