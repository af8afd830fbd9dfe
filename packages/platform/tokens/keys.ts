import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

export const ALGORITHM = 'EdDSA';

/** A service's own key, with which it signs. */
export interface SigningKey {
  issuer: string;
  kid: string;
  key: CryptoKey;
}

/** The public keys of all issuers. */
export interface KeyRing {
  /** The key of this issuer with this id. A key id of another issuer finds nothing. */
  find(issuer: string, kid: string): CryptoKey | undefined;
}

/** One Ed25519 key pair; `privateJwk` is what a service's key file holds. */
async function generateKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg: ALGORITHM, use: 'sig', kid: await calculateJwkThumbprint(jwk) };
}

/**
 * The keys of one machine on which all services run: a file `<issuer>.jwk.json` (0600) each in `directory`, made when
 * absent.
 */
export async function ensureKeys<Issuer extends string>(
  directory: string,
  issuers: readonly Issuer[],
): Promise<{ signing: Record<Issuer, SigningKey>; ring: KeyRing }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const jwks = await Promise.all(issuers.map(async (issuer) => [issuer, await readOrCreate(keyFile(directory, issuer))] as const));
  const signing = await Promise.all(jwks.map(async ([issuer, jwk]) => [issuer, await signingKey(issuer, jwk)] as const));
  return {
    signing: Object.fromEntries(signing) as Record<Issuer, SigningKey>,
    ring: await createKeyRing(Object.fromEntries(jwks.map(([issuer, jwk]) => [issuer, [jwk]]))),
  };
}

/** A service's own key out of its file. */
export async function readSigningKey(issuer: string, file: string): Promise<SigningKey> {
  const jwk = parseKey(await readFile(file, 'utf8'));
  if (!jwk) throw new Error(`${file} does not hold a private Ed25519 key with an id`);
  return signingKey(issuer, jwk);
}

/** Everyone's public keys out of the file that {@link writePublicKeys} wrote. */
export async function readKeyRing(file: string): Promise<KeyRing> {
  return createKeyRing(JSON.parse(await readFile(file, 'utf8')) as Record<string, JWK[]>);
}

/** Writes the public keys of all issuers of a key directory into one file, `{issuer: JWK[]}`. */
export async function writePublicKeys(directory: string, issuers: readonly string[], file: string): Promise<void> {
  await ensureKeys(directory, issuers);
  const entries = issuers.map(async (issuer) => {
    const { d: _private, ...jwk } = await readOrCreate(keyFile(directory, issuer));
    return [issuer, [jwk]] as const;
  });
  await writeFile(file, JSON.stringify(Object.fromEntries(await Promise.all(entries)), undefined, 2));
}

/** Where the private key of an issuer lies in a key directory. */
export function keyFile(directory: string, issuer: string): string {
  return join(directory, `${issuer}.jwk.json`);
}

async function signingKey(issuer: string, jwk: JWK): Promise<SigningKey> {
  return { issuer, kid: requireKid(jwk), key: (await importJWK(jwk, ALGORITHM)) as CryptoKey };
}

/** A ring of public keys from JWKs by issuer; private parts, if any, are left out. */
export async function createKeyRing(keys: Record<string, JWK[]>): Promise<KeyRing> {
  const found = new Map<string, CryptoKey>();
  for (const [issuer, jwks] of Object.entries(keys)) {
    for (const { d: _private, ...jwk } of jwks)
      found.set(JSON.stringify([issuer, requireKid(jwk)]), (await importJWK(jwk, ALGORITHM)) as CryptoKey);
  }
  return { find: (issuer, kid) => found.get(JSON.stringify([issuer, kid])) };
}

function requireKid(jwk: JWK): string {
  if (!jwk.kid) throw new Error('a key has no id (kid)');
  return jwk.kid;
}

/** Reads the key of a file, or makes both. What is wrong with a file is not told by its parser, which would quote from it. */
async function readOrCreate(file: string): Promise<JWK> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new Error(`${file} cannot be read as a key: ${(error as Error).message}`);
    return createFile(file);
  }
  const jwk = parseKey(text);
  const usable = jwk !== undefined && (await importJWK(jwk, ALGORITHM).catch(() => undefined));
  if (!usable) throw new Error(`${file} does not hold a private Ed25519 key with an id: restore it, or remove it to have a new one made`);
  return jwk;
}

function parseKey(text: string): JWK | undefined {
  try {
    const jwk = JSON.parse(text) as JWK | null;
    return jwk?.kid && jwk.kty === 'OKP' && jwk.crv === 'Ed25519' && jwk.d ? jwk : undefined;
  } catch {
    return undefined;
  }
}

async function createFile(file: string): Promise<JWK> {
  const jwk = await generateKey();
  const unfinished = `${file}.new`;
  await writeFile(unfinished, JSON.stringify(jwk), { mode: 0o600 });
  await chmod(unfinished, 0o600);
  await rename(unfinished, file);
  return jwk;
}
