import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM text, in their order; none: it holds something else, or is cut off. What follows on the same
 * line, as when files were joined, counts too: OpenSSL would pass over it without a word.
 */
export function readCertificates(pem: string): X509Certificate[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (pem.replace(CERTIFICATE, '').includes('-----')) return [];
  try {
    return found.map((text) => new X509Certificate(text));
  } catch {
    return [];
  }
}

/** The same as PEM that all read alike. */
export function formatCertificates(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('\n');
}
