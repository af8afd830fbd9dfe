import { BlockList, isIP } from 'node:net';

/** Networks of IANA's special-purpose registry (RFC 6890) that are no place on the internet. */
const SPECIAL_IPV4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
/** Within 2000::/3, which is all that is given out: Teredo, documentation, and 6to4, which can hold any IPv4 address. */
const SPECIAL_IPV6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const special = new BlockList();
for (const [network, bits] of SPECIAL_IPV4) special.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of SPECIAL_IPV6) special.addSubnet(network, bits, 'ipv6');
const global = new BlockList();
global.addSubnet('2000::', 3, 'ipv6');

/** Whether this is the address of a machine on the internet, and not one of this machine, its network or its cloud's. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !special.check(address, 'ipv4');
  return isIP(address) === 6 && global.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

/** Whether nobody on the way can read and change what goes there: by HTTPS, or, if asked for, by HTTP to this machine itself. */
export function isProtected(url: URL, allowLoopback: boolean): boolean {
  return url.protocol === 'https:' || (allowLoopback && url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}

const LOOPBACK = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/;
