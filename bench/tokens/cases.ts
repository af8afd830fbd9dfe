import { randomUUID } from 'node:crypto';
import { HTTP_METHOD } from '@starling/contracts/permissions';
import {
  evidenceOf,
  HOP_TOKEN_SECONDS,
  HOP_TOKEN_TYPE,
  USER_TOKEN_SECONDS,
  USER_TOKEN_TYPE,
  userAudience,
} from '@starling/platform/tokens';
import { CLUSTER, type Issuers, mintHolders } from './issuers.ts';
import { type Kind, signPlainly, verifyPlainly } from './plain-jose.ts';

const CALLEE = 'user';
const USER_KIND: Kind = { type: USER_TOKEN_TYPE, audience: userAudience(CLUSTER), seconds: USER_TOKEN_SECONDS };
const HOP_KIND: Kind = { type: HOP_TOKEN_TYPE, audience: CALLEE, seconds: HOP_TOKEN_SECONDS };

/** The work number `index`. */
export type Work = (index: number) => Promise<unknown>;

/** One figure: our work beside jose's, both on the same tokens. */
export interface Case {
  figure: string;
  ours: Work;
  peer: Work;
  /** Ours is done so often before it is measured: what is held then is part of the case. */
  heldBefore: boolean;
}

/** Everything in which the tokens of `count` users are looked at for the first time, or again. */
export async function prepareCases(issuers: Issuers, count: number): Promise<Case[]> {
  const { identity, web } = issuers;
  const holders = await mintHolders(issuers, count);
  const hops = await Promise.all(holders.map((holder) => web.minter.mintHopToken(CALLEE, holder)));
  const claims = { sub: randomUUID(), sid: randomUUID(), role: 'member', scope: 'api socket' } as const;
  const hopClaims = { sub: claims.sub, sid: claims.sid, evd: evidenceOf('a token'), act: { sub: 'web' } };
  const at = <T>(list: T[], index: number): T => list[index % list.length] as T;

  const verifyUser = (): Work => {
    const gate = issuers.gateOf(CALLEE);
    return (index) => gate.verifyUserToken(at(holders, index).token);
  };
  const verifyCall = (): Work => {
    const gate = issuers.gateOf(CALLEE);
    return (index) => gate.verifyCall({ hopToken: at(hops, index), userToken: at(holders, index).token, method: HTTP_METHOD });
  };
  const verifyUserPlainly: Work = (index) => verifyPlainly(identity, USER_KIND, at(holders, index).token);
  const verifyBothPlainly: Work = async (index) => {
    await verifyPlainly(web, HOP_KIND, at(hops, index));
    await verifyUserPlainly(index);
  };
  const mintUser: Work = () =>
    identity.minter.mintUserToken({ user: claims.sub, session: claims.sid, role: claims.role, scope: claims.scope });
  // To a callee of its own each, so that none can be used again.
  const mintNewHop: Work = (index) => web.minter.mintHopToken(`${CALLEE} ${index}`, holders[0]);
  const mintHop: Work = (index) => web.minter.mintHopToken(CALLEE, at(holders, index));
  const signUserPlainly: Work = () => signPlainly(identity, USER_KIND, claims);
  const signHopPlainly: Work = () => signPlainly(web, HOP_KIND, hopClaims);

  return [
    { figure: 'verify a user token, first time', ours: verifyUser(), peer: verifyUserPlainly, heldBefore: false },
    { figure: 'verify a user token, again', ours: verifyUser(), peer: verifyUserPlainly, heldBefore: true },
    { figure: 'verify a call (hop + user), first time', ours: verifyCall(), peer: verifyBothPlainly, heldBefore: false },
    { figure: 'verify a call (hop + user), again', ours: verifyCall(), peer: verifyBothPlainly, heldBefore: true },
    { figure: 'mint a user token', ours: mintUser, peer: signUserPlainly, heldBefore: false },
    { figure: 'mint a hop token, first time', ours: mintNewHop, peer: signHopPlainly, heldBefore: false },
    { figure: 'mint a hop token, again', ours: mintHop, peer: signHopPlainly, heldBefore: true },
  ];
}
