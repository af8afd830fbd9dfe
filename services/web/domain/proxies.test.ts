import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFromProxy, parseProxies, readVisitor } from './proxies.ts';

const proxies = parseProxies(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);

const from = (remoteAddress: string | undefined, forwardedFor?: string) => ({
  headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor },
  socket: { remoteAddress },
});

describe('a visitor', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3::4', '2001:db8:1:2::/64'],
    ['192.168.1.7', '192.168.1.7'],
  ])('whose peer %s is no proxy is %s, whatever the headers say', (peer, name) => {
    for (const claimed of [undefined, '198.51.100.1', '10.0.0.1', 'junk', '']) expect(readVisitor(from(peer, claimed), proxies)).toBe(name);
  });

  it('is not known on this machine, where an unknown proxy may stand', () => {
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.1.2.3'])
      for (const claimed of [undefined, '198.51.100.1']) expect(readVisitor(from(peer, claimed), [])).toBe('');
  });

  it.each([undefined, '', 'pipe'])('is not known when the peer is %j', (peer) => {
    expect(readVisitor(from(peer, '198.51.100.1'), proxies)).toBe('');
  });

  it.each([
    ['198.51.100.1', '198.51.100.1'],
    ['198.51.100.1:4711', '198.51.100.1'],
    ['[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['::ffff:198.51.100.1', '198.51.100.1'],
    // What stands left of the visitor is the visitor's own word.
    ['203.0.113.99, 198.51.100.1', '198.51.100.1'],
    ['10.0.0.9, 198.51.100.1', '198.51.100.1'],
    ['junk, 198.51.100.1,10.1.1.1 , fd00::5', '198.51.100.1'],
    // Nobody can be told apart by these.
    ['198.51.100.1, junk', ''],
    ['198.51.100.1, unknown, 10.0.0.2', ''],
    ['198.51.100.1,', ''],
    ['', ''],
    ['10.0.0.2, 10.0.0.3', ''],
    ['127.0.0.2', ''],
    ['198.51.100.1:99999999', ''],
    ['198.51.100.1"', ''],
  ])('behind proxies is the first from the right that is none: %j is %j', (forwardedFor, name) => {
    for (const peer of ['10.0.0.2', '127.0.0.1', '::ffff:10.0.0.2', 'fd12::1'])
      expect(readVisitor(from(peer, forwardedFor), proxies), peer).toBe(name);
  });

  it('is not known when a proxy says nothing', () => {
    expect(readVisitor(from('10.0.0.2'), proxies)).toBe('');
    expect(readVisitor({ headers: { 'x-forwarded-for': ['198.51.100.1'] as never }, socket: { remoteAddress: '10.0.0.2' } }, proxies)).toBe(
      '',
    );
  });

  it('cannot choose by what it is known', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { maxLength: 5 }), (claimed) => {
        const header = [...claimed, '198.51.100.1', '10.0.0.3'].join(', ');
        return readVisitor(from('10.0.0.2', header), proxies) === '198.51.100.1';
      }),
    );
  });
});

describe('trusted proxies', () => {
  it('are recognised by the peer alone', () => {
    expect(isFromProxy(from('10.9.9.9'), proxies)).toBe(true);
    expect(isFromProxy(from('::ffff:10.9.9.9'), proxies)).toBe(true);
    expect(isFromProxy(from('11.9.9.9', '10.0.0.1'), proxies)).toBe(false);
    expect(isFromProxy(from(undefined), proxies)).toBe(false);
    expect(isFromProxy(from('10.9.9.9'), [])).toBe(false);
  });

  it('that are no addresses are named by their place', () => {
    expect(() => parseProxies(['10.0.0.1', 'proxy.example'])).toThrow('entry 2 of trustedProxies');
  });
});
