import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpServer } from '@starling/platform/http';
import { createLogger } from '@starling/platform/telemetry';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientRoutes } from './client.ts';
import { guardRoutes } from './guard.ts';

let directory: string;
let web: FastifyInstance;
let secureWeb: FastifyInstance;

async function createSite(options: { secure: boolean; directory: string }): Promise<FastifyInstance> {
  const app = createHttpServer({ logger: createLogger({ service: 'web', level: 'silent' }) });
  // What a connection with TLS says of itself.
  if (options.secure) app.addHook('onRequest', async (request) => void Object.assign(request.raw.socket, { encrypted: true }));
  await guardRoutes(app, { proxies: [], allowedOrigins: new Set() });
  app.post('/v1/sessions', async () => 'reached');
  await clientRoutes(app, options);
  return app;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'starling-test-client-'));
  await mkdir(join(directory, 'assets'));
  await writeFile(join(directory, 'index.html'), '<!doctype html><title>Starling</title>');
  await writeFile(join(directory, 'assets', 'main-abc123.js'), 'export {};');
  await writeFile(join(directory, 'favicon.svg'), '<svg/>');
  await writeFile(join(directory, '.hidden'), 'secret');
  web = await createSite({ secure: false, directory });
  secureWeb = await createSite({ secure: true, directory });
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

function ask(request: InjectOptions, site: FastifyInstance = web): Promise<LightMyRequestResponse> {
  return site.inject({ ...request, headers: { host: 'localhost:3000', ...request.headers } });
}

function problemOf(response: LightMyRequestResponse): string {
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  return (response.json().type as string).replace('urn:starling:problem:', '');
}

test('over plain HTTP only the machine itself is served', async () => {
  for (const host of ['localhost', '127.0.0.1:3000', '[::1]:3000'])
    expect((await ask({ url: '/', headers: { host, accept: 'text/html' } })).statusCode).toBe(200);
  for (const host of ['chat.example.org', '192.168.1.7:3000', 'localhost.evil.example', 'evil.example:3000']) {
    const page = await ask({ url: '/', headers: { host, accept: 'text/html,*/*' } });
    expect([page.statusCode, page.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect(page.body).toContain('--tls-cert');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(problemOf(await ask({ method: 'POST', url: '/v1/sessions', headers: { host }, payload: {} }))).toBe('https-required');
    expect((await ask({ url: '/', headers: { host, accept: 'text/html' } }, secureWeb)).statusCode).toBe(200);
  }
  expect(problemOf(await ask({ url: '/', headers: { host: 'localhost; script-src *' } }))).toBe('invalid-request');
});

test('the page may load and reach nothing but its own site', async () => {
  const policy = (response: LightMyRequestResponse) => response.headers['content-security-policy'] as string;
  const plain = await ask({ url: '/', headers: { accept: 'text/html' } });
  expect(policy(plain)).toContain("script-src 'self';");
  expect(policy(plain)).toContain("connect-src 'self' ws://localhost:3000;");
  expect(policy(plain)).not.toMatch(/unsafe|upgrade-insecure-requests|\*/);
  expect(plain.headers).not.toHaveProperty('strict-transport-security');
  expect(plain.headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' });
  const secure = await ask({ url: '/', headers: { host: 'chat.example.org', accept: 'text/html' } }, secureWeb);
  expect(policy(secure)).toContain("connect-src 'self' wss://chat.example.org;");
  expect(secure.headers['strict-transport-security']).toBe('max-age=31536000');
  const local = await ask({ url: '/', headers: { accept: 'text/html' } }, secureWeb);
  expect(local.headers).not.toHaveProperty('strict-transport-security');
});

test('the client is served: hashed files for ever, all else asked for anew, and every place is the page', async () => {
  const get = (url: string, accept = '*/*') => ask({ url, headers: { accept } });
  const asset = await get('/assets/main-abc123.js');
  expect([asset.statusCode, asset.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
  expect(asset.headers['content-type']).toMatch(/javascript/);
  const icon = await get('/favicon.svg');
  expect([icon.statusCode, icon.headers['cache-control']]).toEqual([200, 'no-cache']);
  for (const url of ['/', '/index.html', '/conversations/0195', '/a/b?c=d']) {
    const page = await get(url, 'text/html');
    expect([page.statusCode, page.headers['cache-control'], page.body]).toEqual([
      200,
      'no-cache',
      '<!doctype html><title>Starling</title>',
    ]);
  }
  expect((await get('/assets/old-000000.js', 'text/html')).statusCode).toBe(404);
  expect((await get('/missing.png')).statusCode).toBe(404);
  for (const url of ['/.hidden', '/assets/../.hidden', '/assets/%2e%2e/.hidden', '/..%2f..%2fetc/passwd', '/%00']) {
    expect((await get(url)).statusCode, url).toBe(404);
  }
  expect((await ask({ method: 'POST', url: '/', payload: {} })).statusCode).toBe(404);
});

test('a client that is not built is explained', async () => {
  const app = await createSite({ secure: false, directory: join(directory, 'absent') });
  const response = await ask({ url: '/', headers: { accept: 'text/html' } }, app);
  expect([response.statusCode, response.headers['content-type']]).toEqual([503, 'text/plain; charset=utf-8']);
  expect(response.body).toContain('node services/web/browser/build.ts');
});
