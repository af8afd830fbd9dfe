import { createHash, X509Certificate } from 'node:crypto';
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { isOwnCluster, stateFile } from './state-folder.ts';

/** Hosts of tests end so; each test takes one of its own. */
const DOMAIN = 'starling.test';
/** Of the minimal sample; browsers treat it as this very machine, also without TLS. */
const LOCAL_DOMAIN = 'localhost';

/** Where the cluster's ingress controller listens, on ports 80 and 443. */
const INGRESS_ADDRESS = isOwnCluster ? readFileSync(stateFile('node-address'), 'utf8').trim() : '127.0.0.1';

/** Of the ingress controller's certificate; undefined: elsewhere it has one of its own. */
const authority = isOwnCluster ? readFileSync(stateFile('pki', 'ingress-ca.crt'), 'utf8') : undefined;

/** Starts Chromium so that it finds the hosts of tests, and trusts the ingress controller's certificate. */
export const CHROMIUM_FLAGS = [
  `--host-resolver-rules=MAP *.${DOMAIN} ${INGRESS_ADDRESS}, MAP *.${LOCAL_DOMAIN} ${INGRESS_ADDRESS}`,
  ...(isOwnCluster ? [`--ignore-certificate-errors-spki-list=${keyHashOf(readFileSync(stateFile('pki', 'ingress.crt'), 'utf8'))}`] : []),
];

/** How Chromium names a key: the digest of its SubjectPublicKeyInfo. */
function keyHashOf(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

export function hostOf(name: string): string {
  return `${name}.${DOMAIN}`;
}

/**
 * Lets `fetch`, `ws` and all else in this process find the hosts of tests, and trust the ingress controller's certificate,
 * as a name server and an authority of the network would.
 */
export function reachIngress(): void {
  if (authority !== undefined) tls.setDefaultCACertificates([...tls.getCACertificates('default'), authority]);
  const { lookup } = dns;
  dns.lookup = ((host: string, ...rest: [dns.LookupAllOptions, (error: null, ...found: unknown[]) => void]) => {
    if (!host.endsWith(`.${DOMAIN}`) && !host.endsWith(`.${LOCAL_DOMAIN}`)) return (lookup as (...args: unknown[]) => void)(host, ...rest);
    const [options, answer] = typeof rest[0] === 'function' ? [{}, rest[0]] : rest;
    if ((options as dns.LookupAllOptions).all) answer(null, [{ address: INGRESS_ADDRESS, family: 4 }]);
    else answer(null, INGRESS_ADDRESS, 4);
  }) as typeof dns.lookup;
}
