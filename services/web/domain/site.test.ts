import { expect, test } from 'vitest';
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
