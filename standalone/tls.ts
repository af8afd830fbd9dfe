import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { StartError } from './database/index.ts';
import type { StandaloneOptions } from './options.ts';

export interface Tls {
  cert: Buffer;
  key: Buffer;
}

/** The certificate and key that the options name; undefined: plain HTTP. Throws StartError. */
export async function readTls(options: StandaloneOptions): Promise<Tls | undefined> {
  const [certFile, keyFile] = [options['tls-cert'], options['tls-key']];
  if (certFile === undefined || keyFile === undefined) return undefined;
  const tls = { cert: await read('--tls-cert', certFile), key: await read('--tls-key', keyFile) };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new StartError(`The files of --tls-cert and --tls-key are not a certificate and its key, both PEM: ${(error as Error).message}.`);
  }
  return tls;
}

async function read(flag: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new StartError(
      `The file of ${flag}, ${file}, cannot be read (${(error as NodeJS.ErrnoException).code}): check path and permissions.`,
    );
  }
}
