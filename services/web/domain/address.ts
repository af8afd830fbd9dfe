/**
 * An IP address as a number of 128 bits. IPv4 is written as IPv6 maps it (RFC 4291 §2.5.5.2), so that both ways of
 * writing one address are equal.
 */
export type Address = bigint;

/** Addresses that begin with the same bits; one address is a network of 128 bits. */
export interface Network {
  base: Address;
  bits: number;
}

const MAPPED = 0xffffn << 32n;
const MAPPED_BITS = 96;
const LOOPBACK: readonly Network[] = [
  { base: 1n, bits: 128 },
  { base: MAPPED | (127n << 24n), bits: MAPPED_BITS + 8 },
];

/** Reads an address; undefined when the text is none. A zone (`fe80::1%eth0`) is passed over. */
export function parseAddress(text: string): Address | undefined {
  const four = parseIpv4(text);
  return four === undefined ? parseIpv6(text.split('%')[0] ?? '') : MAPPED | four;
}

/** Reads an address or a network in CIDR notation, such as `10.0.0.0/8`; undefined when the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [written = '', length, ...more] = text.split('/');
  const base = parseAddress(written);
  if (base === undefined || more.length > 0) return undefined;
  if (length === undefined) return { base, bits: 128 };
  const most = isIpv4(base) && !written.includes(':') ? 32 : 128;
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > most) return undefined;
  return { base, bits: 128 - most + Number(length) };
}

export function isWithin(address: Address, { base, bits }: Network): boolean {
  const rest = BigInt(128 - bits);
  return address >> rest === base >> rest;
}

export function isLoopback(address: Address): boolean {
  return LOOPBACK.some((network) => isWithin(address, network));
}

/**
 * What whoever has this address is known by: an IPv4 address as it is, of an IPv6 address the network of 64 bits that
 * one customer has to himself, or he would have as many addresses as he likes.
 */
export function nameCustomer(address: Address): string {
  const part = (width: bigint, index: number) => (address >> (width * BigInt(index))) & ((1n << width) - 1n);
  if (isIpv4(address)) return [3, 2, 1, 0].map((index) => part(8n, index)).join('.');
  return `${[7, 6, 5, 4].map((index) => part(16n, index).toString(16)).join(':')}::/64`;
}

function isIpv4(address: Address): boolean {
  return isWithin(address, { base: MAPPED, bits: MAPPED_BITS });
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  // A leading zero means octal to some readers: what two hops could read differently is no address.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const [head = '', tail, ...more] = withoutDots(text).split('::');
  if (more.length > 0) return undefined;
  const [before, after] = [head, tail ?? ''].map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[]];
  const left = 8 - before.length - after.length;
  if (tail === undefined ? left !== 0 : left < 1) return undefined;
  const groups = [...before, ...Array<string>(left).fill('0'), ...after];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** `::ffff:192.0.2.1` as `::ffff:c000:201`. */
function withoutDots(text: string): string {
  const start = text.lastIndexOf(':') + 1;
  const four = parseIpv4(text.slice(start));
  return four === undefined ? text : `${text.slice(0, start)}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`;
}
