import { afterAll, beforeEach, expect, test } from 'vitest';
import type { WebConfig } from '../config.ts';
import { CREDENTIALS, cookieOf, problemOf, setCookieOf, startTestSite } from '../test-site.ts';

const site = await startTestSite();
beforeEach(() => site.reset());
afterAll(() => site.stop());

const config: WebConfig = { trustedProxies: ['10.0.0.0/8', '127.0.0.1'] };

async function logIn(options: { config?: WebConfig; from?: string; headers?: Record<string, string> }) {
  const app = await site.open({ config: options.config ?? {} });
  const remoteAddress = options.from ?? '127.0.0.1';
  return site.ask({ method: 'POST', url: '/v1/sessions', headers: options.headers ?? {}, payload: CREDENTIALS, remoteAddress }, app);
}
const told = () => site.identity.askedFor('logIn')?.request['client'];

test('identity is told who is in front of the screen, as far as that is known', async () => {
  await logIn({ headers: { 'user-agent': `Browser ${'x'.repeat(300)}`, cookie: 'starling-device=device-1' } });
  expect(told()).toMatchObject({ address: '', userAgent: `Browser ${'x'.repeat(192)}`, device: 'device-1', local: true });
  await logIn({ headers: { 'user-agent': '', cookie: 'starling-device=%22%3B' } });
  expect(told()).toMatchObject({ userAgent: '', device: '' });
});

test('a trusted proxy says who the visitor is, and what the browser asked it for', async () => {
  const response = await logIn({
    config,
    from: '10.0.0.7',
    headers: {
      host: 'inner:8080',
      origin: 'https://chat.example.org',
      'x-starling-request': '1',
      'x-forwarded-for': '192.0.2.99, 203.0.113.5',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'chat.example.org',
    },
  });
  expect(response.statusCode).toBe(201);
  expect(told()).toMatchObject({ address: '203.0.113.5', local: false });
  expect(setCookieOf(response, '__Host-starling')).toMatch(/; Secure; /);
  expect(response.headers['strict-transport-security']).toBe('max-age=31536000');
  expect(response.headers['content-security-policy']).toContain("connect-src 'self' wss://chat.example.org;");
  expect(cookieOf(response, 'starling')).toBeUndefined();
});

test('visitors by IPv6 count by their network', async () => {
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '2001:db8:1:2:3:4:5:6' };
  await logIn({ config, from: '10.0.0.7', headers });
  expect(told()).toMatchObject({ address: '2001:db8:1:2::/64' });
});

test('a trusted proxy over plain HTTP, or that says nothing, does not make its visitors people at the machine', async () => {
  for (const headers of [{}, { 'x-forwarded-for': '127.0.0.1' }, { 'x-forwarded-proto': 'http' }, { 'x-forwarded-proto': 'https, http' }])
    expect(problemOf(await logIn({ config, headers })), JSON.stringify(headers)).toBe('https-required');
});

test('nobody else is believed', async () => {
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example.org', 'x-forwarded-for': '203.0.113.5' };
  for (const from of ['11.0.0.7', '203.0.113.7', '::1'])
    expect(problemOf(await logIn({ config, from, headers })), from).toBe('https-required');
  const secure = await site.open({ secure: true, config });
  const response = await site.ask(
    {
      method: 'POST',
      url: '/v1/sessions',
      headers: { ...headers, host: 'chat.example.org' },
      payload: CREDENTIALS,
      remoteAddress: '198.51.100.9',
    },
    secure,
  );
  expect(response.statusCode).toBe(201);
  expect(told()).toMatchObject({ address: '198.51.100.9', local: false });
});

test('plain HTTP is refused when a proxy passes it on, whatever the Host header says', async () => {
  expect(problemOf(await site.ask({ url: '/v1/sessions/current', headers: { 'x-forwarded-for': '203.0.113.7' } }))).toBe('https-required');
});

test('a proxy that is no address is not taken', async () => {
  await expect(site.open({ config: { trustedProxies: ['proxy.example'] } })).rejects.toThrow('entry 1 of trustedProxies');
});
