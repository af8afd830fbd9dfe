import type { IncomingHttpHeaders } from 'node:http';

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

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;
/** Headers of a proxy: whoever it speaks for may be anywhere. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip'] as const;

/**
 * Reads the site of a request; undefined when its Host header is no host. Local is what comes from this machine under a
 * name of it: the address alone could be a browser that took another name for it (DNS rebinding), the name alone anybody.
 */
export function readSite(
  secure: boolean,
  request: { headers: IncomingHttpHeaders; socket: { remoteAddress?: string | undefined } },
): Site | undefined {
  const { headers, socket } = request;
  const host = (headers.host ?? '').toLowerCase();
  const name = HOST.exec(host)?.[1];
  if (name === undefined) return undefined;
  const local =
    LOCAL_NAMES.has(name) && LOOPBACK.test(socket.remoteAddress ?? '') && PROXY_HEADERS.every((header) => headers[header] === undefined);
  return { secure, host, origin: `${secure ? 'https' : 'http'}://${host}`, local };
}
