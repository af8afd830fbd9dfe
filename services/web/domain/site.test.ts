import { expect, test } from 'vitest';
import { readSite } from './site.ts';

test.each([
  ['http', 'localhost', 'http://localhost', true],
  ['http', 'LocalHost:3000', 'http://localhost:3000', true],
  ['http', '127.0.0.1:80', 'http://127.0.0.1:80', true],
  ['http', '[::1]:3000', 'http://[::1]:3000', true],
  ['https', 'chat.example.org', 'https://chat.example.org', false],
  ['http', 'localhost.evil.example', 'http://localhost.evil.example', false],
  ['http', 'evil.example:3000', 'http://evil.example:3000', false],
  ['http', '127.0.0.1.nip.io', 'http://127.0.0.1.nip.io', false],
  ['http', '[::2]', 'http://[::2]', false],
])('%s and %s are the site %s', (protocol, host, origin, local) => {
  expect(readSite(protocol, host)).toMatchObject({ origin, local, secure: protocol === 'https' });
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
  expect(readSite('http', host)).toBeUndefined();
});
