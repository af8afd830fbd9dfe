import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  type JsonGeneralNames,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A self-signed certificate for a name, as PEM, valid for a day; the files lie in `folder`. */
export async function makeCertificate(folder: string, name: string): Promise<{ cert: string; certFile: string; keyFile: string }> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...forADay(name),
    keys,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  const cert = certificate.toString('pem');
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, await pemOf(keys.privateKey), { mode: 0o600 })]);
  return { cert, certFile, keyFile };
}

/** An authority, and what it issues, for servers and clients alike; PEM each. */
export interface Authority {
  ca: string;
  /** @param notAfter until when; for a day unless given. */
  issue(names: JsonGeneralNames, notAfter?: Date): Promise<{ cert: string; key: string }>;
}

export async function makeAuthority(name: string): Promise<Authority> {
  const authority = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...forADay(name),
    keys: authority,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    ca: certificate.toString('pem'),
    async issue(names, notAfter) {
      const keys = await makeKeys();
      const issued = await X509CertificateGenerator.create({
        ...forADay('a server'),
        ...(notAfter && { notAfter }),
        subject: 'CN=a server',
        issuer: certificate.subject,
        publicKey: keys.publicKey,
        signingKey: authority.privateKey,
        extensions: [new SubjectAlternativeNameExtension(names)],
      });
      return { cert: issued.toString('pem'), key: await pemOf(keys.privateKey) };
    },
  };
}

function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function forADay(name: string) {
  return {
    serialNumber: randomBytes(8).toString('hex').replace(/^./, '1'),
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: ALGORITHM,
  };
}

async function pemOf(key: CryptoKey): Promise<string> {
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
}
