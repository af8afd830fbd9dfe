import { chmod, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { ALGORITHM, importSigningKey } from './keys.ts';

/** A private key as an issuer's file holds it. */
export interface HeldKey {
  jwk: JWK & { kid: string };
  /** From when on the issuer signs with it, ms since 1970, until the next one's time comes. */
  signsFrom: number;
}

/** Where the private keys of an issuer lie in a key directory. */
export function keyFile(directory: string, issuer: string): string {
  return join(directory, `${issuer}.jwk.json`);
}

/** Where the public keys lie when all services run on one machine. */
export function publicKeysFile(directory: string): string {
  return join(directory, 'public.json');
}

/** A new Ed25519 key pair. */
export async function generateKey(signsFrom: number): Promise<HeldKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  return { jwk: { ...jwk, alg: ALGORITHM, use: 'sig', kid: await calculateJwkThumbprint(jwk) }, signsFrom };
}

/**
 * The private keys of a file, those that sign first first: `{"keys": [JWK with "signsFrom"]}`, or a single JWK, as a
 * file of the first versions is. Undefined: there is no such file. What is wrong with one is not told by its parser,
 * which would quote from it.
 */
export async function readPrivateKeys(file: string): Promise<HeldKey[] | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const keys = await parsePrivateKeys(text).catch(() => undefined);
  if (!keys) throw new Error(`${file} does not hold a private Ed25519 key with an id: restore it, or remove it to have a new one made`);
  return keys;
}

/** The public keys of all issuers, `{issuer: JWK[]}`. Undefined: there is no such file. */
export async function readPublicKeys(file: string): Promise<Record<string, JWK[]> | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const keys = parsePublicKeys(text);
  if (!keys) throw new Error(`${file} does not hold the public keys of issuers: remove it to have it made from the private ones`);
  return keys;
}

export function parsePublicKeys(text: string): Record<string, JWK[]> | undefined {
  try {
    const keys = JSON.parse(text) as unknown;
    if (typeof keys !== 'object' || keys === null) return undefined;
    return Object.values(keys).every((jwks) => Array.isArray(jwks) && jwks.every(isPublicKey))
      ? (keys as Record<string, JWK[]>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The private keys of a file's text, those that sign first first. Undefined: it holds none. Rejects for what is no JSON. */
export async function parsePrivateKeys(text: string): Promise<HeldKey[] | undefined> {
  const value = JSON.parse(text) as { keys?: (JWK & { signsFrom?: unknown })[] } & JWK;
  const entries = Array.isArray(value.keys) ? value.keys : [{ ...value, signsFrom: 0 }];
  const keys: HeldKey[] = [];
  for (const { signsFrom, ...jwk } of entries) {
    if (!isPublicKey(jwk) || !jwk.d || typeof signsFrom !== 'number') return undefined;
    await importSigningKey(jwk);
    keys.push({ jwk, signsFrom });
  }
  return keys.length > 0 ? keys.toSorted((one, other) => one.signsFrom - other.signsFrom) : undefined;
}

/** The text of an issuer's file of private keys. */
export function formatPrivateKeys(keys: readonly HeldKey[]): string {
  return `${JSON.stringify({ keys: keys.map(({ jwk, signsFrom }) => ({ ...jwk, signsFrom })) }, undefined, 2)}\n`;
}

/** The text of the file of all issuers' public keys. */
export function formatPublicKeys(keys: Readonly<Record<string, readonly JWK[]>>): string {
  return `${JSON.stringify(keys, undefined, 2)}\n`;
}

export async function writePrivateKeys(file: string, keys: readonly HeldKey[]): Promise<void> {
  await replaceFile(file, formatPrivateKeys(keys), 0o600);
}

export async function writePublicKeys(file: string, keys: Record<string, JWK[]>): Promise<void> {
  await replaceFile(file, formatPublicKeys(keys), 0o644);
}

/** What of a key others may have. */
export function publicPart({ jwk: { kty, crv, x, kid } }: HeldKey): JWK {
  return { kty, crv, x, kid, alg: ALGORITHM, use: 'sig' } as JWK;
}

function isPublicKey(jwk: JWK): jwk is JWK & { kid: string } {
  return Boolean(jwk.kid) && jwk.kty === 'OKP' && jwk.crv === 'Ed25519' && typeof jwk.x === 'string';
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${file} cannot be read as a key: ${(error as Error).message}`);
  }
}

/** Readers see the file as it was or as it is to be, whenever the process or the machine dies. */
async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const unfinished = `${file}.new`;
  const handle = await open(unfinished, 'w', mode);
  try {
    // Whatever the umask, and whoever left the file from before.
    await chmod(unfinished, mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}
