import { ConfigError, readConfiguredFile } from '../config/index.ts';
import { formatCertificates, readCertificates } from './read-certificates.ts';

/**
 * Reads the PEM of an authority. Node itself would take a file without a certificate for an authority that has issued
 * nothing.
 *
 * @param setting names the file's place in the configuration, for the sentence of an error.
 * @throws ConfigError when the file cannot be read or holds no certificate.
 */
export async function readAuthority(setting: string, file: string): Promise<string> {
  const pem = parseAuthority(await readConfiguredFile(setting, file));
  if (pem === undefined)
    throw new ConfigError(`the file of ${setting}, ${file}, holds no certificate in PEM: give it the certificate of the authority`);
  return pem;
}

/** The PEM of the certificates of a text; undefined: it holds none. */
export function parseAuthority(text: string): string | undefined {
  const certificates = readCertificates(text);
  return certificates.length === 0 ? undefined : formatCertificates(certificates);
}
