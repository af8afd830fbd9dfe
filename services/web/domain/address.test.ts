import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopback, isWithin, nameCustomer, parseAddress, parseNetwork } from './address.ts';

const name = (text: string) => {
  const address = parseAddress(text);
  return address === undefined ? undefined : nameCustomer(address);
};

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::7', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    // Not the mapped form, so not IPv4.
    ['::192.0.2.1', '0:0:0:0::/64'],
  ])('%s counts as %s', (text, expected) => {
    expect(name(text)).toBe(expected);
  });

  it.each([
    '',
    ' ',
    'unknown',
    '_hidden',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.04',
    '0x7f.0.0.1',
    '2130706433',
    '1.2.3.4 ',
    '1.2.3.-1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7:8::',
    ':::',
    '12345::',
    'g::',
    '[::1]',
    '::1.2.3',
    '1.2.3.4::',
    '::ffff:1.2.3.4:5',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('is one and the same however it is written', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => name(text) === text && parseAddress(`::ffff:${text}`) === parseAddress(text)));
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const written = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        return parseAddress(text) !== undefined && parseAddress(written) === parseAddress(text);
      }),
    );
  });

  it('of this machine is known as such', () => {
    for (const text of ['127.0.0.1', '127.255.1.2', '::1', '::ffff:127.0.0.1']) expect(isLoopback(parseAddress(text) as bigint)).toBe(true);
    for (const text of ['128.0.0.1', '126.255.255.255', '::', '::2', '::127.0.0.1', '10.0.0.1'])
      expect(isLoopback(parseAddress(text) as bigint)).toBe(false);
  });
});

describe('a network', () => {
  it.each([
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['11.0.0.0', '9.255.255.255', '::10.1.2.3']],
    ['10.1.2.3/8', ['10.9.9.9'], ['11.1.2.3']],
    ['::ffff:10.0.0.0/104', ['10.255.0.1'], ['11.0.0.0']],
    ['192.0.2.7', ['192.0.2.7'], ['192.0.2.6', '192.0.2.8']],
    ['192.0.2.7/32', ['192.0.2.7'], ['192.0.2.6']],
    ['0.0.0.0/0', ['1.2.3.4'], ['2001:db8::1']],
    ['2001:db8::/32', ['2001:db8:ffff::1'], ['2001:db9::', '10.0.0.1']],
    ['::1', ['::1'], ['::2']],
    ['::/0', ['::1', '1.2.3.4'], []],
  ])('%s holds %j and not %j', (text, inside, outside) => {
    const network = parseNetwork(text);
    if (!network) throw new Error(`${text} is no network`);
    for (const address of inside) expect(isWithin(parseAddress(address) as bigint, network), address).toBe(true);
    for (const address of outside) expect(isWithin(parseAddress(address) as bigint, network), address).toBe(false);
  });

  it.each(['', '/', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/-1', '10.0.0.0/8/8', '10/8', '::/129', 'proxy.example', '*'])(
    '%j is none',
    (text) => {
      expect(parseNetwork(text)).toBeUndefined();
    },
  );
});
