import { isLoopback, parseAddress } from './address.ts';
import { type Arrival, isFromProxy, lastOf, type Proxies } from './proxies.ts';

/** Where a request says that it goes: what a browser calls the origin of the site. */
export interface Site {
  secure: boolean;
  /** Host and port in lower case, as the Host header has them. */
  host: string;
  origin: string;
  /** It is this very machine that asks, by a name of it. */
  local: boolean;
}

const HOST = /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;
const LOCAL_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Headers of a proxy: whoever it speaks for may be anywhere. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip'] as const;

/**
 * Reads the site of a request; undefined when its Host header is no host. `secure`: the connection has TLS. A trusted
 * proxy says by X-Forwarded-Proto and X-Forwarded-Host what the browser asked it for.
 *
 * Local is what comes from this machine under a name of it: the address alone could be a browser that took another name
 * for it (DNS rebinding), the name alone anybody. A trusted proxy is never local, since it speaks for others also when
 * it adds no header.
 */
export function readSite(secure: boolean, request: Arrival, proxies: Proxies = []): Site | undefined {
  const { headers } = request;
  return isFromProxy(request, proxies) ? readProxied(secure, request) : describe(secure, headers.host, isLocal(request));
}

function readProxied(secure: boolean, { headers }: Arrival): Site | undefined {
  const scheme = lastOf(headers['x-forwarded-proto']);
  return describe(scheme === undefined ? secure : scheme === 'https', lastOf(headers['x-forwarded-host']) ?? headers.host, false);
}

function describe(secure: boolean, hostHeader: string | undefined, mayBeLocal: boolean): Site | undefined {
  const host = (hostHeader ?? '').toLowerCase();
  const name = HOST.exec(host)?.[1];
  if (name === undefined) return undefined;
  return { secure, host, origin: `${secure ? 'https' : 'http'}://${host}`, local: mayBeLocal && LOCAL_NAMES.has(name) };
}

function isLocal({ headers, socket }: Arrival): boolean {
  const peer = parseAddress(socket.remoteAddress ?? '');
  return peer !== undefined && isLoopback(peer) && PROXY_HEADERS.every((header) => headers[header] === undefined);
}
