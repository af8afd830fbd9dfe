/** Where a request says that it goes: what a browser calls the origin of the site. */
export interface Site {
  secure: boolean;
  /** Host and port in lower case, as the Host header has them. */
  host: string;
  origin: string;
  /** The name means this very machine, to every browser and every resolver. */
  local: boolean;
}

const HOST = /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;
const LOCAL_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Reads the site from scheme and Host header; undefined when the header is no host. A Host of ours in a request over
 * plain HTTP proves that the browser did not take another name for this machine's address (DNS rebinding).
 */
export function readSite(protocol: string, hostHeader: string | undefined): Site | undefined {
  const host = hostHeader?.toLowerCase() ?? '';
  const name = HOST.exec(host)?.[1];
  if (name === undefined) return undefined;
  const secure = protocol === 'https';
  return { secure, host, origin: `${secure ? 'https' : 'http'}://${host}`, local: LOCAL_NAMES.has(name) };
}
