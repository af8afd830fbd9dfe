import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { formatCertificates, readCertificates } from './read-certificates.ts';

/** What one side of a connection shows, and what it believes; PEM each. */
export interface CertificateSet {
  /** The authorities whose certificates are taken, one or, while one follows another, two. */
  ca: string;
  /** The certificate, and behind it those between it and its authority, if any. */
  cert: string;
  key: string;
}

/**
 * The set as all read it alike. Throws an Error, one sentence, for one that cannot be used: no certificates, a key of another certificate, as when
 * the files are just being replaced, a certificate that none of the authorities stands behind, or whose time is over.
 *
 * @param now ms since 1970.
 */
export function readCertificateSet({ ca, cert, key }: CertificateSet, now: number): CertificateSet {
  const authorities = requireCertificates(ca, 'the authorities');
  const chain = requireCertificates(cert, 'the certificate');
  const [leaf, last] = [chain[0], chain.at(-1)] as [X509Certificate, X509Certificate];
  if (!isKeyOf(leaf, key)) throw new Error('the private key is not that of the certificate');
  const isIssuer = (authority: X509Certificate) => last.checkIssued(authority) && last.verify(authority.publicKey);
  if (!authorities.some(isIssuer)) throw new Error('none of the authorities has issued the certificate');
  if (now > Date.parse(leaf.validTo)) throw new Error(`the certificate has expired (${leaf.validTo})`);
  return { ca: formatCertificates(authorities), cert: formatCertificates(chain), key };
}

function requireCertificates(pem: string, what: string): X509Certificate[] {
  const found = readCertificates(pem);
  if (found.length === 0) throw new Error(`${what} cannot be read as certificates in PEM`);
  return found;
}

function isKeyOf(leaf: X509Certificate, key: string): boolean {
  try {
    return leaf.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new Error('the private key cannot be read');
  }
}
