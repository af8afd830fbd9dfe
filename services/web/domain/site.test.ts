import { expect, test } from 'vitest';
import { parseProxies } from './proxies.ts';
import { readSite } from './site.ts';

const from = (host: string | undefined, remoteAddress = '127.0.0.1', headers: Record<string, string> = {}) => ({
  headers: { ...headers, ...(host === undefined ? {} : { host }) },
  socket: { remoteAddress },
});

test.each([
  [false, 'localhost', 'http://localhost', true],
  [false, 'LocalHost:3000', 'http://localhost:3000', true],
  [false, '127.0.0.1:80', 'http://127.0.0.1:80', true],
  [false, '[::1]:3000', 'http://[::1]:3000', true],
  [true, 'chat.example.org', 'https://chat.example.org', false],
  [false, 'localhost.evil.example', 'http://localhost.evil.example', false],
  [false, 'evil.example:3000', 'http://evil.example:3000', false],
  [false, '127.0.0.1.nip.io', 'http://127.0.0.1.nip.io', false],
  [false, '[::2]', 'http://[::2]', false],
])('encrypted %s and %s are the site %s', (secure, host, origin, local) => {
  expect(readSite(secure, from(host))).toMatchObject({ origin, local, secure });
});

test.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('%s is this machine', (address) => {
  expect(readSite(false, from('localhost', address))).toMatchObject({ local: true });
});

test.each(['10.0.0.7', '203.0.113.1', '::ffff:10.0.0.7', 'fe80::1', ''])('%s is not this machine, whatever name it gives', (address) => {
  expect(readSite(false, from('localhost', address))).toMatchObject({ local: false });
});

test.each(['x-forwarded-for', 'forwarded', 'x-real-ip'])('who is behind a proxy that sends %s may be anywhere', (header) => {
  expect(readSite(false, from('localhost', '127.0.0.1', { [header]: '127.0.0.1' }))).toMatchObject({ local: false });
});

test.each([
  undefined,
  '',
  'a b',
  'localhost; script-src *',
  'localhost/x',
  'user@localhost',
  'localhost:',
  'localhost:1:2',
  '::1',
  'localhost,evil',
  'localhost\u00e9',
])('%s is no host', (host) => {
  expect(readSite(false, from(host))).toBeUndefined();
});

const proxies = parseProxies(['10.0.0.1', '127.0.0.1']);
const forwarded = (headers: Record<string, string>, peer = '10.0.0.1') => readSite(false, from('inner:8080', peer, headers), proxies);

test.each([
  [{}, 'http://inner:8080'],
  [{ 'x-forwarded-proto': 'https' }, 'https://inner:8080'],
  [{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'Chat.example.org' }, 'https://chat.example.org'],
  [{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example.org:8443' }, 'https://chat.example.org:8443'],
  [{ 'x-forwarded-host': 'chat.example.org' }, 'http://chat.example.org'],
  // The nearest proxy is believed, not what its caller claimed.
  [{ 'x-forwarded-proto': 'https, http' }, 'http://inner:8080'],
  [{ 'x-forwarded-proto': 'http,https', 'x-forwarded-host': 'evil.example, chat.example.org' }, 'https://chat.example.org'],
  [{ 'x-forwarded-proto': 'HTTPS' }, 'http://inner:8080'],
  [{ 'x-forwarded-proto': '' }, 'http://inner:8080'],
])('a trusted proxy that says %j is asked for %s', (headers, origin) => {
  expect(forwarded(headers)).toMatchObject({ origin, secure: origin.startsWith('https'), local: false });
});

test('what a trusted proxy says of the scheme counts more than its own connection', () => {
  const over = (headers: Record<string, string>) => readSite(true, from('chat.example.org', '10.0.0.1', headers), proxies)?.origin;
  expect(over({ 'x-forwarded-proto': 'http' })).toBe('http://chat.example.org');
  expect(over({})).toBe('https://chat.example.org');
});

test.each(['', 'a b', 'chat.example.org,', 'chat.example.org/x'])('a trusted proxy names no host by %j', (host) => {
  expect(forwarded({ 'x-forwarded-host': host })).toBeUndefined();
});

test('nobody else has a say about scheme and host', () => {
  for (const peer of ['10.0.0.2', '203.0.113.1', '::1', ''])
    expect(forwarded({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example.org' }, peer)).toMatchObject({
      origin: 'http://inner:8080',
      secure: false,
    });
});

test('a trusted proxy on this machine is never the person at the machine', () => {
  for (const headers of [{}, { 'x-forwarded-for': '127.0.0.1' }, { 'x-forwarded-host': 'localhost' }])
    expect(readSite(false, from('localhost', '127.0.0.1', headers), proxies)).toMatchObject({ local: false });
  expect(readSite(false, from('localhost', '::1'), proxies)).toMatchObject({ local: true });
});
