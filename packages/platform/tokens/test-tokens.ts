import { FakeClock } from '@starling/testing/clock';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { createGate, type Gate } from './gate.ts';
import { createKeyRing, type SigningKey } from './keys.ts';
import { createMinter, type Minter } from './minter.ts';

export interface Issuer {
  issuer: string;
  signing: SigningKey;
  publicJwk: JWK;
  minter: Minter;
}

/** Keys of some issuers in memory, and a gate of `conversation` that knows all of them. */
export interface TestTokens {
  clock: FakeClock;
  issuers: Record<'identity' | 'web' | 'delivery' | 'conversation', Issuer>;
  gate: Gate;
  /** A gate of another service that trusts the same keys. `hostOf`: as of createGate. */
  gateOf(service: string, hostOf?: (service: string) => string): Gate;
}

export const CLUSTER = 'test';

export async function createTestTokens(): Promise<TestTokens> {
  const clock = new FakeClock();
  async function createIssuer(issuer: string): Promise<Issuer> {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const kid = `${issuer}-key`;
    const signing: SigningKey = { kid, key: privateKey };
    const minter = createMinter({ signing: { issuer, current: () => signing }, cluster: CLUSTER, clock });
    return { issuer, signing, publicJwk: { ...(await exportJWK(publicKey)), kid }, minter };
  }
  const issuers = {
    identity: await createIssuer('identity'),
    web: await createIssuer('web'),
    delivery: await createIssuer('delivery'),
    conversation: await createIssuer('conversation'),
  };
  const ring = await createKeyRing(Object.fromEntries(Object.entries(issuers).map(([name, { publicJwk }]) => [name, [publicJwk]])));
  const gateOf: TestTokens['gateOf'] = (service, hostOf) => createGate({ service, cluster: CLUSTER, ring, clock, hostOf });
  return { clock, issuers, gate: gateOf('conversation'), gateOf };
}
