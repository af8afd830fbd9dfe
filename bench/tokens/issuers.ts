import { randomUUID } from 'node:crypto';
import { systemClock } from '@starling/platform/clock';
import { createGate, createKeyRing, createMinter, type Gate, type Minter, type SigningKey } from '@starling/platform/tokens';
import { type CryptoKey, exportJWK, generateKeyPair } from 'jose';

export const CLUSTER = 'bench';

/** One who signs. */
export interface Issuer {
  name: string;
  signing: SigningKey;
  publicKey: CryptoKey;
  minter: Minter;
}

export interface Issuers {
  identity: Issuer;
  web: Issuer;
  /** A new gate of a service, which has seen no token yet. */
  gateOf(service: string): Gate;
}

/** Somebody with a token of theirs. */
export interface TokenHolder {
  user: string;
  session: string;
  token: string;
}

/** Keys in memory; minters and gates are those of operation. */
export async function createIssuers(): Promise<Issuers> {
  async function createIssuer(name: string): Promise<Issuer> {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const signing: SigningKey = { kid: randomUUID(), key: privateKey };
    const minter = createMinter({ signing: { issuer: name, current: () => signing }, cluster: CLUSTER, clock: systemClock });
    return { name, signing, publicKey, minter };
  }
  const [identity, web] = (await Promise.all(['identity', 'web'].map(createIssuer))) as [Issuer, Issuer];
  const jwks = await Promise.all(
    [identity, web].map(async ({ name, signing, publicKey }) => [name, [{ ...(await exportJWK(publicKey)), kid: signing.kid }]] as const),
  );
  const ring = await createKeyRing(Object.fromEntries(jwks.map(([name, keys]) => [name, [...keys]])));
  return { identity, web, gateOf: (service) => createGate({ service, cluster: CLUSTER, ring, clock: systemClock }) };
}

/** So many users, each with a token from identity. */
export function mintHolders({ identity }: Issuers, count: number): Promise<TokenHolder[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const [user, session] = [randomUUID(), randomUUID()];
      const { token } = await identity.minter.mintUserToken({ user, session, role: 'member', scope: 'api socket' });
      return { user, session, token };
    }),
  );
}
