import { type CryptoKey, importJWK, type JWK } from 'jose';

export const ALGORITHM = 'EdDSA';

/** A service's own key, with which it signs. */
export interface SigningKey {
  kid: string;
  key: CryptoKey;
}

/** The keys that one issuer signs with, one after the other. */
export interface SigningKeys {
  issuer: string;
  /** The newest whose time has come. */
  current(): SigningKey;
}

/** The public keys of all issuers. */
export interface KeyRing {
  /** The key of this issuer with this id. A key id of another issuer finds nothing. */
  find(issuer: string, kid: string): CryptoKey | undefined;
  /** Reads the keys again, if that was not done a short while ago: one that is not found may have been published since. */
  reread(): Promise<void>;
  /** Tells whenever the keys are others than before: one may be gone that a token was verified by. Returns how to stop. */
  onChanged(listener: () => void): () => void;
}

/**
 * A ring of public keys from JWKs by issuer; private parts, if any, are left out.
 *
 * @param known a ring from before: a key that is the same is the same object, by which its holders know it.
 */
export async function createKeyRing(keys: Record<string, JWK[]>, known?: KeyRing): Promise<KeyRing> {
  const found = new Map<string, CryptoKey>();
  for (const [issuer, jwks] of Object.entries(keys)) {
    for (const jwk of jwks) {
      if (!jwk.kid) throw new Error('a key has no id (kid)');
      const key = await importPublicKey(jwk);
      const before = known?.find(issuer, jwk.kid);
      found.set(nameOf(issuer, jwk.kid), before && (await isSameKey(before, key)) ? before : key);
    }
  }
  return { find: (issuer, kid) => found.get(nameOf(issuer, kid)), reread: async () => {}, onChanged: () => () => {} };
}

/** A signing key out of a private JWK. */
export async function importSigningKey(jwk: JWK & { kid: string }): Promise<SigningKey> {
  return { kid: jwk.kid, key: (await importJWK(jwk, ALGORITHM)) as CryptoKey };
}

async function importPublicKey({ kty, crv, x }: JWK): Promise<CryptoKey> {
  return (await importJWK({ kty, crv, x } as JWK, ALGORITHM, { extractable: true })) as CryptoKey;
}

async function isSameKey(one: CryptoKey, other: CryptoKey): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((key) => crypto.subtle.exportKey('raw', key)));
  return a !== undefined && b !== undefined && Buffer.from(a).equals(Buffer.from(b));
}

function nameOf(issuer: string, kid: string): string {
  return JSON.stringify([issuer, kid]);
}
