import { expect, test } from 'vitest';
import { isProtected, isPublicAddress } from './public-address.ts';

test.each([
  ['0.0.0.0', false],
  ['10.1.2.3', false],
  ['100.64.0.1', false],
  ['127.0.0.1', false],
  ['169.254.169.254', false],
  ['172.16.0.1', false],
  ['172.31.255.255', false],
  ['172.32.0.1', true],
  ['192.168.1.1', false],
  ['198.18.0.1', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['1.1.1.1', true],
  ['8.8.8.8', true],
  ['::', false],
  ['::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:8.8.8.8', false],
  ['64:ff9b::7f00:1', false],
  ['fc00::1', false],
  ['fd12:3456::1', false],
  ['fe80::1', false],
  ['ff02::1', false],
  ['2001:db8::1', false],
  ['2002:7f00:1::', false],
  ['2606:4700:4700::1111', true],
  ['2001:4860:4860::8888', true],
  ['example.org', false],
  ['', false],
])('%s is on the internet: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});

test.each([
  ['https://example.org/', true, true],
  ['http://localhost:1/', false, true],
  ['http://127.0.0.1/', false, true],
  ['http://127.9.9.9/', false, true],
  ['http://[::1]/', false, true],
  ['http://localhost.example.org/', false, false],
  ['http://127.0.0.1.example.org/', false, false],
  ['http://10.0.0.1/', false, false],
  ['http://[::2]/', false, false],
  ['javascript:alert(1)', false, false],
  ['file:///etc/passwd', false, false],
])('%s is protected: %s, and with this machine allowed: %s', (address, always, allowed) => {
  expect([isProtected(new URL(address), false), isProtected(new URL(address), true)]).toEqual([always, allowed]);
});
