import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/index.ts';
import { ALGORITHM, type KeyRing } from './keys.ts';
import { evidenceOf, HOP_TOKEN_TYPE, type OnBehalfOf, USER_ISSUER, USER_TOKEN_TYPE, userAudience } from './minter.ts';

export const LEEWAY_SECONDS = 5;

/** A user token that was verified. */
export interface UserIdentity extends OnBehalfOf {
  scope: string;
  origin: string | undefined;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** Who is calling: a service, and the user on whose behalf it does, if any. */
export interface Caller {
  /** The calling service; undefined when a user calls directly. */
  service: string | undefined;
  user: UserIdentity | undefined;
}

/** A token was refused. The reason is for the log; callers are told no more than that it was. */
export class TokenRefused extends Error {
  override name = 'TokenRefused';
}

/** Checks the tokens that come with a call to one service, over HTTP, RPC and socket alike. */
export interface Gate {
  /** A user token alone: what `web` and the socket take. Throws {@link TokenRefused}. */
  verifyUserToken(token: string): Promise<UserIdentity>;
  /** A hop token for this service and, unless a service calls as itself, the user token that it is for. Throws {@link TokenRefused}. */
  verifyCall(hopToken: string, userToken: string | undefined): Promise<Caller>;
}

export function createGate(options: { service: string; cluster: string; ring: KeyRing; clock: Clock }): Gate {
  const { ring, clock } = options;
  /** Signatures are checked once per process; expiry at every call. */
  const verified = new LRUCache<string, UserIdentity>({ max: 50_000 });

  async function verify(token: string, type: string, issuer: string | undefined, audience: string): Promise<JWTPayload> {
    try {
      if (!hasExactSignature(token)) throw new TokenRefused('the signature is not written as base64url writes it');
      const { kid } = decodeProtectedHeader(token);
      const claimedIssuer = issuer ?? decodeJwt(token).iss;
      const key = kid && claimedIssuer ? ring.find(claimedIssuer, kid) : undefined;
      if (!key || !claimedIssuer) throw new TokenRefused('no such key of this issuer');
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        typ: type,
        issuer: claimedIssuer,
        audience,
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp', 'iat', 'sub', 'jti'],
      });
      return payload;
    } catch (error) {
      throw error instanceof TokenRefused ? error : new TokenRefused((error as Error).message);
    }
  }

  async function verifyUserToken(token: string): Promise<UserIdentity> {
    const hash = evidenceOf(token);
    const held = verified.get(hash);
    if (held) {
      if (clock.now() >= held.expiresAt + LEEWAY_SECONDS * 1000) throw new TokenRefused('the user token has expired');
      return held;
    }
    const payload = await verify(token, USER_TOKEN_TYPE, USER_ISSUER, userAudience(options.cluster));
    const { sub, exp, sid, scope, origin } = payload;
    if (!sub || typeof sid !== 'string' || typeof scope !== 'string' || !exp) throw new TokenRefused('the user token lacks a claim');
    const identity = {
      user: sub,
      session: sid,
      token,
      scope,
      origin: typeof origin === 'string' ? origin : undefined,
      expiresAt: exp * 1000,
    };
    verified.set(hash, identity);
    return identity;
  }

  return {
    verifyUserToken,
    async verifyCall(hopToken, userToken) {
      const hop = await verify(hopToken, HOP_TOKEN_TYPE, undefined, options.service);
      const service = hop.iss;
      if (hop['evd'] === undefined) {
        if (hop.sub !== `svc:${service}`) throw new TokenRefused('a hop token without evidence speaks for its service alone');
        return { service, user: undefined };
      }
      if (userToken === undefined || hop['evd'] !== evidenceOf(userToken)) throw new TokenRefused('the evidence is of another user token');
      const user = await verifyUserToken(userToken);
      if (hop.sub !== user.user || hop['sid'] !== user.session) throw new TokenRefused('the hop token is for another user or session');
      return { service, user: { ...user, chain: chainOf(hop['act']) } };
    },
  };
}

/** The bits of the last character that no byte takes up must be 0, or one signature could be written in many ways. */
function hasExactSignature(token: string): boolean {
  const signature = token.slice(token.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

function chainOf(act: unknown): string[] {
  const chain: string[] = [];
  for (let actor = act; typeof actor === 'object' && actor !== null && chain.length < 4; actor = (actor as { act?: unknown }).act) {
    chain.push(String((actor as { sub?: unknown }).sub));
  }
  return chain;
}
