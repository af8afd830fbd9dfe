import type { X509Certificate } from 'node:crypto';
import { allowsCall, isSystemRole, type SystemRole } from '@starling/contracts/permissions';
import { type CryptoKey, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/index.ts';
import { isCertificateFor } from '../tls/index.ts';
import { ALGORITHM, type KeyRing } from './keys.ts';
import {
  evidenceOf,
  HOP_TOKEN_SECONDS,
  HOP_TOKEN_TYPE,
  type OnBehalfOf,
  USER_ISSUER,
  USER_TOKEN_SECONDS,
  USER_TOKEN_TYPE,
  userAudience,
} from './minter.ts';
import type { Revocations, Revoked } from './revocations.ts';
import { TokenRefused } from './token-refused.ts';
import { readTokenText } from './token-text.ts';

/** How far the clocks of two pods may be apart. */
export const LEEWAY_SECONDS = 5;
/** The longest chain of services that a call may have come through. */
const CHAIN_LIMIT = 4;

/** A user token that was verified. */
export interface UserIdentity extends OnBehalfOf {
  /** What the user is in the installation: as the token says, or as is known by now. */
  role: SystemRole;
  scope: string;
  origin: string | undefined;
  /** Milliseconds since 1970. */
  issuedAt: number;
  /** Milliseconds since 1970. */
  expiresAt: number;
  /** The token's `jti`. */
  tokenId: string;
  /** The token's `aud`. */
  audience?: string;
}

/** Who is calling: a service, and the user on whose behalf it does, if any. */
export interface Caller {
  /** The calling service. */
  service: string;
  user: UserIdentity | undefined;
  /** The services that the call came through, the nearest first: those behind the first are its word. */
  chain: string[];
  /** Of the hop token: `jti`, `iss`, `aud`. */
  tokenId: string;
  issuer: string;
  audience: string;
}

/** What came with a call to a service. */
export interface IncomingCall {
  hopToken: string;
  userToken: string | undefined;
  /** What is called, as the table of calls names it (contracts/permissions). */
  method: string;
  /** What the caller has shown to open its connection, where services do. */
  certificate?: X509Certificate | undefined;
}

/** Checks the tokens that come with a call to one service, over HTTP, RPC and socket alike. */
export interface Gate {
  /** A user token alone: what `web` and the socket take. Throws {@link TokenRefused}. */
  verifyUserToken(token: string): Promise<UserIdentity>;
  /**
   * A hop token for this service and, unless a service calls as itself, the user token that it is for; and whether the
   * table of calls has such a call. Throws {@link TokenRefused}.
   */
  verifyCall(call: IncomingCall): Promise<Caller>;
  /** Tells of every session that ends from now on, or without `session` of a user all of whose do. Returns how to stop. */
  onRevoked(listener: (revoked: Revoked) => void): () => void;
  /** Tells whenever a key may have been dropped: what was let in by a token is to be verified again. Returns how to stop. */
  onKeysChanged(listener: () => void): () => void;
}

interface Kind {
  type: string;
  /** The only issuer; undefined: whoever has a key. */
  issuer: string | undefined;
  audience: string;
  lifeSeconds: number;
  /** Signatures are checked once per process and token, by the token's hash; expiry and key at every call. */
  proven: LRUCache<string, Proven>;
}

interface Proven {
  claims: SignedClaims;
  kid: string;
  key: CryptoKey;
}

type SignedClaims = JWTPayload & { iss: string; aud: string; sub: string; jti: string; exp: number; iat: number };

/**
 * @param options.revocations what the gate is to know of sessions and users beside their tokens; absent: nothing.
 * @param options.hostOf where services prove themselves by certificates: the host that a service's is for. A call then
 * counts only by a connection of the hop token's issuer. Absent: connections are not asked.
 */
export function createGate(options: {
  service: string;
  cluster: string;
  ring: KeyRing;
  clock: Clock;
  revocations?: Revocations;
  hostOf?: ((service: string) => string | undefined) | undefined;
}): Gate {
  const { service: callee, ring, clock, revocations } = options;
  const userKind: Kind = {
    type: USER_TOKEN_TYPE,
    issuer: USER_ISSUER,
    audience: userAudience(options.cluster),
    lifeSeconds: USER_TOKEN_SECONDS,
    proven: new LRUCache({ max: 50_000 }),
  };
  const hopKind: Kind = {
    type: HOP_TOKEN_TYPE,
    issuer: undefined,
    audience: callee,
    lifeSeconds: HOP_TOKEN_SECONDS,
    proven: new LRUCache({ max: 10_000 }),
  };

  async function findKey(issuer: string, kid: string): Promise<CryptoKey> {
    if (!ring.find(issuer, kid)) await ring.reread();
    const key = ring.find(issuer, kid);
    if (!key) throw new TokenRefused('no such key of this issuer');
    return key;
  }

  async function prove(token: string, kind: Kind): Promise<Proven> {
    const { kid, claims } = readTokenText(token, kind.type);
    const issuer = kind.issuer ?? claims['iss'];
    if (typeof issuer !== 'string') throw new TokenRefused('the token has no issuer');
    const key = await findKey(issuer, kid);
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        typ: kind.type,
        issuer,
        audience: kind.audience,
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(clock.now()),
        requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'jti'],
      });
      return { claims: requireExactClaims(payload, kind), kid, key };
    } catch (error) {
      throw error instanceof TokenRefused ? error : new TokenRefused((error as Error).message);
    }
  }

  /** What RFC 7519 leaves open, and a verifier that goes by it lets through. */
  function requireExactClaims(claims: JWTPayload, { audience, lifeSeconds }: Kind): SignedClaims {
    const { aud, sub, jti, exp = Number.NaN, iat = Number.NaN } = claims;
    if (aud !== audience) throw new TokenRefused('the token is for others as well');
    if (typeof sub !== 'string' || sub === '' || typeof jti !== 'string' || jti === '') throw new TokenRefused('the token lacks a claim');
    if (!(iat <= clock.now() / 1000 + LEEWAY_SECONDS)) throw new TokenRefused('the token was minted in the future');
    if (!(exp - iat <= lifeSeconds + LEEWAY_SECONDS)) throw new TokenRefused('the token lives too long');
    return claims as SignedClaims;
  }

  async function verify(token: string, kind: Kind, hash: string): Promise<SignedClaims> {
    const held = kind.proven.get(hash);
    const stillHeld = held && ring.find(held.claims.iss, held.kid) === held.key;
    const proven = stillHeld ? held : await prove(token, kind);
    if (clock.now() >= (proven.claims.exp + LEEWAY_SECONDS) * 1000) throw new TokenRefused('the token has expired');
    if (proven !== held) kind.proven.set(hash, proven);
    return proven.claims;
  }

  async function verifyUserToken(token: string, hash = evidenceOf(token)): Promise<UserIdentity> {
    const { sub, aud, jti, iat, exp, sid, scope, role, origin } = await verify(token, userKind, hash);
    if (typeof sid !== 'string' || typeof scope !== 'string' || !isSystemRole(role)) throw new TokenRefused('the user token lacks a claim');
    if (origin !== undefined && typeof origin !== 'string') throw new TokenRefused('the origin of the user token is none');
    const identity: UserIdentity = {
      user: sub,
      session: sid,
      role,
      token,
      scope,
      origin,
      issuedAt: iat * 1000,
      expiresAt: exp * 1000,
      tokenId: jti,
      audience: aud,
    };
    return revocations ? revocations.judge(identity) : identity;
  }

  /** A hop token that was stolen is of no use to whoever has not the issuer's certificate as well, even with one of its own. */
  function requireConnectionOf(service: string, certificate: X509Certificate | undefined): void {
    if (!options.hostOf) return;
    const host = options.hostOf(service);
    if (host === undefined || !certificate || !isCertificateFor(certificate, host))
      throw new TokenRefused(`the connection is not one of ${service}'s`);
  }

  async function verifyCall({ hopToken, userToken, method, certificate }: IncomingCall): Promise<Caller> {
    const hop = await verify(hopToken, hopKind, evidenceOf(hopToken));
    const service = hop.iss;
    requireConnectionOf(service, certificate);
    const caller = { service, tokenId: hop.jti, issuer: hop.iss, audience: hop.aud };
    if (hop['scope'] !== undefined) throw new TokenRefused('the scope is for the user token to say');
    if (hop['evd'] === undefined) {
      if (hop.sub !== `svc:${service}` || hop['sid'] !== undefined || hop['act'] !== undefined)
        throw new TokenRefused('a hop token without evidence speaks for its service alone');
      if (!allowsCall({ caller: service, callee, as: 'service', method }))
        throw new TokenRefused(`${service} may not call ${method} as itself`);
      return { ...caller, user: undefined, chain: [service] };
    }
    const evidence = userToken === undefined ? undefined : evidenceOf(userToken);
    if (userToken === undefined || hop['evd'] !== evidence) throw new TokenRefused('the evidence is of another user token');
    const user = await verifyUserToken(userToken, evidence);
    if (hop.sub !== user.user || hop['sid'] !== user.session) throw new TokenRefused('the hop token is for another user or session');
    const chain = chainOf(hop['act']);
    if (chain[0] !== service) throw new TokenRefused('the head of the chain is not the issuer');
    if (!allowsCall({ caller: service, callee, as: 'user', method, chain, scope: user.scope }))
      throw new TokenRefused(`${service} may not call ${method} for a user with this scope, by this chain`);
    return { ...caller, user: { ...user, chain }, chain };
  }

  return {
    verifyUserToken: (token) => verifyUserToken(token),
    verifyCall,
    onRevoked: (listener) => revocations?.onRevoked(listener) ?? (() => {}),
    onKeysChanged: (listener) => ring.onChanged(listener),
  };
}

/** The actors of an `act` claim (RFC 8693 §4.1), the nearest first. */
function chainOf(act: unknown): string[] {
  const chain: string[] = [];
  for (let actor = act; actor !== undefined; actor = (actor as { act?: unknown }).act) {
    const sub = typeof actor === 'object' && actor !== null ? (actor as { sub?: unknown }).sub : undefined;
    if (typeof sub !== 'string') throw new TokenRefused('the chain of actors is none');
    chain.push(sub);
    if (chain.length > CHAIN_LIMIT) throw new TokenRefused('the chain of actors is too long');
  }
  return chain;
}
