import type { KubeObject } from '../kube/types.ts';

/**
 * How the API server passes requests on to an extension of itself: with a client certificate of an authority of its own,
 * and with the user whom it has authenticated in headers. From the ConfigMap `extension-apiserver-authentication`.
 */
export interface FrontProxy {
  /** PEM of the authorities of the API server's client certificate. */
  authorities: string;
  /** Of which its common name must be one; none: any that the authorities have certified. */
  allowedNames: string[];
  /** Names of headers, in lower case. */
  userHeaders: string[];
  uidHeaders: string[];
  groupHeaders: string[];
  extraPrefixes: string[];
}

/** On whose behalf the API server asks. */
export interface Caller {
  user: string;
  uid?: string;
  groups: string[];
  extra: Record<string, string[]>;
}

/** Undefined: the ConfigMap says nothing that could be relied upon, so nobody can be let in. */
export function readFrontProxy(configMap: KubeObject | undefined): FrontProxy | undefined {
  const data = (configMap?.['data'] ?? {}) as Record<string, string>;
  const authorities = data['requestheader-client-ca-file'];
  const allowedNames = readList(data['requestheader-allowed-names']);
  const userHeaders = readList(data['requestheader-username-headers']);
  if (!authorities?.includes('BEGIN CERTIFICATE') || allowedNames === undefined || !userHeaders?.length) return undefined;
  const headers = (field: string) => (readList(data[field]) ?? []).map((name) => name.toLowerCase());
  return {
    authorities,
    allowedNames,
    userHeaders: userHeaders.map((name) => name.toLowerCase()),
    uidHeaders: headers('requestheader-uid-headers'),
    groupHeaders: headers('requestheader-group-headers'),
    extraPrefixes: headers('requestheader-extra-headers-prefix'),
  };
}

/** A list in JSON; absent: empty. Undefined: something else. */
function readList(text: string | undefined): string[] | undefined {
  if (text === undefined || text === '') return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((entry) => typeof entry === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Who asks, by the headers of a request whose certificate is good; undefined: the certificate is not the API server's, or
 * no user is named. Headers mean nothing without the certificate.
 *
 * @param peer `verified`: by {@link FrontProxy.authorities}, and within its time.
 */
export function identifyCaller(
  peer: { verified: boolean; commonName: unknown },
  headers: NodeJS.Dict<string[]>,
  proxy: FrontProxy,
): Caller | undefined {
  if (!peer.verified || typeof peer.commonName !== 'string') return undefined;
  if (proxy.allowedNames.length > 0 && !proxy.allowedNames.includes(peer.commonName)) return undefined;
  const first = (names: string[]) => names.map((name) => headers[name]?.[0]).find((value) => value !== undefined && value !== '');
  const user = first(proxy.userHeaders);
  if (user === undefined) return undefined;
  const uid = first(proxy.uidHeaders);
  return {
    user,
    ...(uid === undefined ? {} : { uid }),
    groups: proxy.groupHeaders.flatMap((name) => headers[name] ?? []),
    extra: readExtra(headers, proxy.extraPrefixes),
  };
}

function readExtra(headers: NodeJS.Dict<string[]>, prefixes: string[]): Record<string, string[]> {
  const extra = new Map<string, string[]>();
  for (const [name, values] of Object.entries(headers)) {
    const prefix = prefixes.find((candidate) => name.startsWith(candidate));
    if (prefix === undefined) continue;
    const key = unescapeKey(name.slice(prefix.length));
    extra.set(key, [...(extra.get(key) ?? []), ...(values ?? [])]);
  }
  return Object.fromEntries(extra);
}

/** The API server escapes what a header's name cannot hold. */
function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
