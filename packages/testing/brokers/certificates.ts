import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** What a broker shows and what a client checks it by. */
export interface Certificates {
  /** PEM of the authority. */
  ca: string;
  /** Path of a PEM file with the key and certificate of `localhost`. */
  keystore: string;
}

/** Makes an authority and a certificate for `localhost`, and for no other name or address. Needs openssl. */
export async function makeCertificates(directory: string): Promise<Certificates> {
  const path = (name: string) => join(directory, name);
  const request = (name: string, ...more: string[]) =>
    run('openssl', ['req', '-x509', ...NEW_KEY, '-days', '2', '-keyout', path(`${name}.key`), '-out', path(`${name}.pem`), ...more]);
  await request('ca', '-subj', '/CN=authority of a test');
  await request(
    'server',
    '-CA',
    path('ca.pem'),
    '-CAkey',
    path('ca.key'),
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost',
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  );
  const keystore = path('keystore.pem');
  await writeFile(keystore, (await readFile(path('server.key'), 'utf8')) + (await readFile(path('server.pem'), 'utf8')));
  return { ca: await readFile(path('ca.pem'), 'utf8'), keystore };
}
