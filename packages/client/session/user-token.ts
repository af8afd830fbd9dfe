import type { TokenReply } from '@starling/contracts/http';
import type { Clock } from '../clock.ts';
import type { Reply } from '../rest/request.ts';

/** A user token with its times on this machine's clock, ms. */
export interface UserToken {
  user: string;
  token: string;
  receivedAt: number;
  expiresAt: number;
}

/** A token is renewed when less than this part of its life is left. */
const RESERVE = 0.3;

export function isUsable(token: UserToken | undefined, clock: Clock): token is UserToken {
  if (!token) return false;
  return token.expiresAt - clock.now() > RESERVE * (token.expiresAt - token.receivedAt);
}

/** Reckons with the server's clock, since this machine's may be hours off. */
export function received({ body, serverTime }: Reply<TokenReply>, clock: Clock): UserToken {
  const now = clock.now();
  return { user: body.user, token: body.token, receivedAt: now, expiresAt: now + body.expiresAt - (serverTime ?? now) };
}
