import { decodeJwt } from 'jose';
import type { Caller, UserIdentity } from './gate.ts';
import { USER_ISSUER } from './minter.ts';

/** What a span says of who is behind it: claims of a token, never the token. */
export interface IdentityAttributes {
  'enduser.id': string;
  'jwt.iss': string;
  'jwt.aud': string;
  'jwt.jti': string;
  /** The services that the call came through, the nearest last: `web>delivery`. `self`: none, the user came on their own. */
  'jwt.act': string;
}

/** The attributes of a user token, or of the hop token of a call; a service that calls as itself is its own user, `svc:<name>`. */
export function identityAttributes(who: UserIdentity | Caller): IdentityAttributes {
  const act = who.chain?.length ? who.chain.toReversed().join('>') : 'self';
  if ('service' in who) {
    return {
      'enduser.id': who.user?.user ?? `svc:${who.service}`,
      'jwt.iss': who.issuer,
      'jwt.aud': who.audience,
      'jwt.jti': who.tokenId,
      'jwt.act': act,
    };
  }
  return { 'enduser.id': who.user, 'jwt.iss': USER_ISSUER, 'jwt.aud': who.audience ?? '', 'jwt.jti': who.tokenId, 'jwt.act': act };
}

/** The same of a hop token that this process has just minted itself: it is read, not checked. */
export function mintedAttributes(hopToken: string): IdentityAttributes {
  const { sub = '', iss = '', aud = '', jti = '', act } = decodeJwt<{ act?: Actor }>(hopToken);
  const through: string[] = [];
  for (let actor = act; actor; actor = actor.act) through.unshift(actor.sub);
  return {
    'enduser.id': sub,
    'jwt.iss': iss,
    'jwt.aud': String(aud),
    'jwt.jti': jti,
    'jwt.act': (through.length > 0 ? through : [iss]).join('>'),
  };
}

interface Actor {
  sub: string;
  act?: Actor;
}
