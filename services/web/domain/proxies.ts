import type { IncomingHttpHeaders } from 'node:http';
import { type Address, isLoopback, isWithin, type Network, nameCustomer, parseAddress, parseNetwork } from './address.ts';

/** The networks whose word about the visitors behind them is taken. */
export type Proxies = readonly Network[];

/** What a request shows of where it comes from. */
export interface Arrival {
  headers: IncomingHttpHeaders;
  socket: { remoteAddress?: string | undefined };
}

/** Throws an Error that says which entry is wrong. */
export function parseProxies(entries: readonly string[]): Proxies {
  return entries.map((entry, index) => {
    const network = parseNetwork(entry);
    if (!network) throw new Error(`entry ${index + 1} of trustedProxies is neither an address nor a network such as 10.0.0.0/8`);
    return network;
  });
}

/** Whether the peer itself is a proxy that is trusted. */
export function isFromProxy({ socket }: Arrival, proxies: Proxies): boolean {
  const peer = parseAddress(socket.remoteAddress ?? '');
  return peer !== undefined && isTrusted(peer, proxies);
}

/**
 * By what the visitor behind a request is known to limits on tries; empty when it cannot be known. A proxy adds who
 * called it at the right, so that the first address from there that is no proxy's is the visitor's; what stands left of
 * it is the visitor's own word. A peer on this machine may be a proxy that nobody told us of: limits on its address
 * would be limits on everybody.
 */
export function readVisitor(request: Arrival, proxies: Proxies): string {
  const peer = parseAddress(request.socket.remoteAddress ?? '');
  const visitor = peer !== undefined && isTrusted(peer, proxies) ? behindProxies(request.headers, proxies) : peer;
  return visitor === undefined || isLoopback(visitor) ? '' : nameCustomer(visitor);
}

/** What the nearest proxy wrote into a header to which each adds at the right, or which each replaces. */
export function lastOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.slice(header.lastIndexOf(',') + 1).trim() : undefined;
}

function behindProxies(headers: IncomingHttpHeaders, proxies: Proxies): Address | undefined {
  const header = headers['x-forwarded-for'];
  if (typeof header !== 'string') return undefined;
  for (const entry of header.split(',').reverse()) {
    const address = parseAddress(withoutPort(entry.trim()));
    if (address === undefined || !isTrusted(address, proxies)) return address;
  }
  return undefined;
}

/** `192.0.2.1:80` and `[2001:db8::1]:80`, as some proxies write it, without the port. */
function withoutPort(entry: string): string {
  return /^\[([^[\]]+)\](?::\d{1,5})?$/.exec(entry)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(entry)?.[1] ?? entry;
}

function isTrusted(address: Address, proxies: Proxies): boolean {
  return proxies.some((network) => isWithin(address, network));
}
