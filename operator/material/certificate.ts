import { createPrivateKey, X509Certificate } from 'node:crypto';
import { BACKDATE_MS } from './issue-certificate.ts';

/** What of a certificate matters for its renewal. Times are ms since 1970. */
export interface CertificateFacts {
  pem: string;
  fingerprint: string;
  issuedAt: number;
  notAfter: number;
  names: string[];
  x509: X509Certificate;
}

/** Undefined: this is no certificate. */
export function readCertificate(pem: string): CertificateFacts | undefined {
  try {
    const x509 = new X509Certificate(pem);
    return {
      pem: `${pem.trim()}\n`,
      fingerprint: x509.fingerprint256,
      issuedAt: x509.validFromDate.getTime() + BACKDATE_MS,
      notAfter: x509.validToDate.getTime(),
      names: (x509.subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, '')),
      x509,
    };
  } catch {
    return undefined;
  }
}

/** The certificates of a bundle; what is none of them is left out. */
export function readBundle(text: string): CertificateFacts[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((pem) => readCertificate(pem) ?? []);
}

export function isIssuedBy(certificate: CertificateFacts, authority: CertificateFacts): boolean {
  return certificate.x509.checkIssued(authority.x509) && certificate.x509.verify(authority.x509.publicKey);
}

export function hasKey(certificate: CertificateFacts, key: string): boolean {
  try {
    return certificate.x509.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
