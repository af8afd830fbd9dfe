import { createHash, randomUUID } from 'node:crypto';
import type { SystemRole } from '@starling/contracts/permissions';
import { SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/index.ts';
import { ALGORITHM, type SigningKey, type SigningKeys } from './keys.ts';

export const USER_TOKEN_SECONDS = 300;
export const HOP_TOKEN_SECONDS = 30;
/** A hop token may be used again for the same (user token, callee) for so long. */
const HOP_REUSE_MS = 20_000;

export const USER_TOKEN_TYPE = 'user+jwt';
export const HOP_TOKEN_TYPE = 'hop+jwt';
/** The issuer of user tokens. */
export const USER_ISSUER = 'identity';

/** The audience of the user tokens of one installation. */
export function userAudience(cluster: string): string {
  return `starling/${cluster}`;
}

/** SHA-256 of a user token, base64url: the evidence that a hop token carries. */
export function evidenceOf(userToken: string): string {
  return createHash('sha256').update(userToken).digest('base64url');
}

export interface UserTokenClaims {
  user: string;
  session: string;
  /** What the user is in the installation when the token is minted. */
  role: SystemRole;
  scope: 'api' | 'socket' | 'api socket';
  /** Only this Origin may use the token; tokens minted through a browser's cookie have one. */
  origin?: string | undefined;
}

/** On whose behalf a call is made: the user whose token is at hand, and the `act` chain it came through, the nearest first. */
export interface OnBehalfOf {
  user: string;
  session: string;
  token: string;
  chain?: string[];
}

/** Mints the tokens of one service. */
export interface Minter {
  /** Identity only: nobody takes a user token that another issuer signed. */
  mintUserToken(claims: UserTokenClaims): Promise<{ token: string; expiresAt: number }>;
  /** A token for one call to `callee`, for a user or, without one, for the service itself. */
  mintHopToken(callee: string, onBehalfOf?: OnBehalfOf): Promise<string>;
}

export function createMinter(options: { signing: SigningKeys; cluster: string; clock: Clock }): Minter {
  const { signing, clock } = options;
  const { issuer } = signing;
  const reusable = new LRUCache<string, Promise<string>>({
    max: 10_000,
    ttl: HOP_REUSE_MS,
    ttlResolution: 0,
    perf: { now: () => clock.now() || 1 },
  });

  function sign(
    { kid, key }: SigningKey,
    type: string,
    claims: Record<string, unknown>,
    audience: string,
    seconds: number,
  ): Promise<string> {
    const now = Math.floor(clock.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ: type, kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .setJti(randomUUID())
      .sign(key);
  }

  return {
    async mintUserToken({ user, session, role, scope, origin }) {
      const claims = { sub: user, sid: session, role, scope, ...(origin === undefined ? {} : { origin }) };
      const expiresAt = (Math.floor(clock.now() / 1000) + USER_TOKEN_SECONDS) * 1000;
      const token = await sign(signing.current(), USER_TOKEN_TYPE, claims, userAudience(options.cluster), USER_TOKEN_SECONDS);
      return { token, expiresAt };
    },
    mintHopToken(callee, onBehalfOf) {
      const key = signing.current();
      const evidence = onBehalfOf && evidenceOf(onBehalfOf.token);
      // With the key's id: what a key signed that was dropped in an emergency is not used again.
      const reuseKey = JSON.stringify([key.kid, callee, evidence, onBehalfOf?.chain]);
      const held = reusable.get(reuseKey);
      if (held) return held;
      const claims = onBehalfOf
        ? { sub: onBehalfOf.user, sid: onBehalfOf.session, evd: evidence, act: actClaim([issuer, ...(onBehalfOf.chain ?? [])]) }
        : { sub: `svc:${issuer}` };
      const minted = sign(key, HOP_TOKEN_TYPE, claims, callee, HOP_TOKEN_SECONDS);
      minted.catch(() => reusable.delete(reuseKey));
      reusable.set(reuseKey, minted);
      return minted;
    },
  };
}

/** Nests a chain of actors as RFC 8693 §4.1 has it, the current actor outermost. */
function actClaim(chain: string[]): object | undefined {
  const [head, ...behind] = chain;
  if (head === undefined) return undefined;
  const inner = actClaim(behind);
  return { sub: head, ...(inner ? { act: inner } : {}) };
}
