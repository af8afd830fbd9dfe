import { randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { Issuer } from './issuers.ts';

/** What of a token is to be as in ours, so that jose signs and checks the same. */
export interface Kind {
  type: string;
  audience: string;
  seconds: number;
}

/** jose as one uses it: algorithm, type, issuer, audience, times and the presence of claims are checked, nothing is kept. */
export async function verifyPlainly({ publicKey, name }: Issuer, { type, audience }: Kind, token: string): Promise<void> {
  await jwtVerify(token, publicKey, {
    algorithms: ['EdDSA'],
    typ: type,
    issuer: name,
    audience,
    clockTolerance: 5,
    requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'jti'],
  });
}

export async function signPlainly({ signing, name }: Issuer, kind: Kind, claims: Record<string, unknown>): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  await new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', typ: kind.type, kid: signing.kid })
    .setIssuer(name)
    .setAudience(kind.audience)
    .setIssuedAt(now)
    .setExpirationTime(now + kind.seconds)
    .setJti(randomUUID())
    .sign(signing.key);
}
