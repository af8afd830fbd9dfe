import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeClock } from '@starling/testing/clock';
import { startOpenIdProvider } from '@starling/testing/sign-on';
import { afterEach, expect, test } from 'vitest';
import { writeSecretFile } from '../test-secret-file.ts';
import { createProvider } from './provider.ts';
import { createProviderFetch, ProviderUnreachable } from './provider-fetch.ts';

const get = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const;
const servers: Server[] = [];

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

test.each([
  'https://127.0.0.1:9/',
  'https://[::1]:9/',
  'https://[::ffff:127.0.0.1]:9/',
  'https://10.0.0.1/',
  'https://169.254.169.254/latest/meta-data',
  // Other ways to write 127.0.0.1, and a name that means it.
  'https://2130706433:9/',
  'https://0x7f.1:9/',
  'https://localhost:9/',
])('%s is not asked: it is no place on the internet', async (address) => {
  await expect(createProviderFetch(false)(address, get)).rejects.toThrow('private network');
});

test.each(['http://127.0.0.1:9/', 'http://accounts.example.org/', 'ftp://accounts.example.org/', 'file:///etc/passwd'])(
  '%s is not asked: it is not https',
  async (address) => {
    await expect(createProviderFetch(false)(address, get)).rejects.toThrow('not https');
  },
);

test('within a private network too, http is for this machine alone', async () => {
  await expect(createProviderFetch(true)('http://10.0.0.1/', get)).rejects.toThrow('not https');
  await expect(createProviderFetch(true)('http://localhost.example.org/', get)).rejects.toThrow('not https');
});

test('an answer is handed on; a redirect is an answer', async () => {
  let asked = 0;
  const target = await serve((_request, response) => {
    asked++;
    response.end('reached');
  });
  const address = await serve((request, response) => {
    if (request.url === '/away') return void response.writeHead(302, { location: target }).end();
    request.setEncoding('utf8').once('data', (body) => response.setHeader('content-type', 'text/plain').end(`${request.method} ${body}`));
  });
  const fetch = createProviderFetch(true);
  const posted = await fetch(address, { ...get, method: 'POST', body: new URLSearchParams({ code: 'a b' }) });
  expect([posted.status, posted.headers.get('content-type'), await posted.text()]).toEqual([200, 'text/plain', 'POST code=a+b']);
  const away = await fetch(`${address}away`, get);
  expect([away.status, away.headers.get('location'), asked]).toEqual([302, target, 0]);
});

test('an answer without end, in size or in time, is given up', async () => {
  const endless = await serve((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const more = () => {
      while (!response.destroyed && response.write(chunk)) {}
    };
    response.on('drain', more);
    more();
  });
  await expect(createProviderFetch(true)(endless, get)).rejects.toThrow('more than');
  const silent = await serve(() => {});
  await expect(createProviderFetch(true)(silent, get)).rejects.toThrow('took too long');
  const halting = await serve((_request, response) => response.write('{'));
  await expect(createProviderFetch(true)(halting, get)).rejects.toThrow('took too long');
});

test('a provider that is away, or calls itself another, cannot be used, and can when that is mended', async () => {
  const clock = new FakeClock(Date.now());
  const flow = { state: 'state', nonce: 'nonce', verifier: 'v'.repeat(43), redirectUri: 'https://chat.example.org/back' };
  const real = await startOpenIdProvider({ people: {}, redirectUris: [flow.redirectUri] });
  const { issuer, clientId, clientSecret } = real;
  const config = { id: 'one', name: 'One', issuer, clientId, clientSecretFile: writeSecretFile(clientSecret) };
  await expect(createProvider(config, clock).begin(flow)).rejects.toThrow(ProviderUnreachable);

  const provider = createProvider({ ...config, privateNetwork: true }, clock);
  const lies = [
    { issuer: 'https://accounts.example.org' },
    { authorization_endpoint: 'javascript:alert(1)' },
    { authorization_endpoint: 'http://accounts.example.org/auth' },
  ];
  for (const lie of lies) {
    real.lies = { discovery: (document) => ({ ...document, ...lie }) };
    await expect(provider.begin(flow)).rejects.toThrow();
    clock.advance(3_600_000);
  }
  real.lies = {};
  expect(await provider.begin(flow)).toContain(issuer);
  // What it says of itself is kept for a while.
  await real.close();
  expect(await provider.begin(flow)).toContain(issuer);
  clock.advance(3_600_000);
  await expect(provider.begin(flow)).rejects.toThrow(ProviderUnreachable);
});
