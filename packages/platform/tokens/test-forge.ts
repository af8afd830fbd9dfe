import { KeyObject, sign } from 'node:crypto';
import { HTTP_METHOD } from '@starling/contracts/permissions';
import { expect } from 'vitest';
import type { Caller, Gate } from './gate.ts';
import { evidenceOf, type OnBehalfOf } from './minter.ts';
import { CLUSTER, createTestTokens, type Issuer, type TestTokens } from './test-tokens.ts';
import { TokenRefused } from './token-refused.ts';

export type Text = object | string;

/** Makes one kind of tokens by hand, good but for what is changed. */
export interface Forge {
  issuer: Issuer;
  /** What a good one has. */
  full: { header: { alg: string; typ: string; kid: string }; claims: Record<string, unknown> & { iss: string; aud: string; exp: number } };
  make(claims?: object, header?: object): string;
  verify(token: string): Promise<unknown>;
}

/** Tokens of ann's, a good user token among them, and the gate of `conversation`. */
export interface Forgery {
  tokens: TestTokens;
  ann: OnBehalfOf;
  /** Seconds since 1970. */
  now: number;
  user: Forge;
  hop: Forge;
  /** The claims of web's hop token beside this user token, ann's unless given. */
  hopClaims(userToken?: string): Record<string, unknown>;
  verifyCall(hopToken: string, call?: { userToken?: string | undefined; gate?: Gate; method?: string }): Promise<Caller>;
}

export async function createForgery(): Promise<Forgery> {
  const tokens = await createTestTokens();
  const { identity, web } = tokens.issuers;
  const now = tokens.clock.now() / 1000;
  const { token } = await identity.minter.mintUserToken({ user: 'ann', session: 's1', role: 'member', scope: 'api' });
  const common = { sub: 'ann', sid: 's1', jti: 'j', iat: now };
  const userClaims = { ...common, iss: 'identity', aud: `starling/${CLUSTER}`, role: 'member', scope: 'api', exp: now + 300 };
  const hopClaims = (userToken = token) => ({
    ...common,
    iss: 'web',
    aud: 'conversation',
    evd: evidenceOf(userToken),
    act: { sub: 'web' },
    exp: now + 30,
  });
  const forge = (issuer: Issuer, typ: string, claims: Forge['full']['claims'], verify: Forge['verify']): Forge => {
    const header = { alg: 'EdDSA', typ, kid: issuer.signing.kid };
    const make = (otherClaims = {}, otherHeader = {}) => signed(issuer, { ...header, ...otherHeader }, { ...claims, ...otherClaims });
    return { issuer, full: { header, claims }, make, verify };
  };
  const verifyCall: Forgery['verifyCall'] = (hopToken, { gate = tokens.gate, method = HTTP_METHOD, ...call } = {}) =>
    gate.verifyCall({ hopToken, userToken: 'userToken' in call ? call.userToken : token, method });
  return {
    tokens,
    ann: { user: 'ann', session: 's1', token },
    now,
    user: forge(identity, 'user+jwt', userClaims, (made) => tokens.gate.verifyUserToken(made)),
    hop: forge(web, 'hop+jwt', hopClaims(), (made) => verifyCall(made)),
    hopClaims,
    verifyCall,
  };
}

export function encode(part: Text): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}

/** Header and claims as they are, and a good signature of this issuer's. */
export function signed(by: Issuer, header: Text, claims: Text): string {
  return signedText(by, `${encode(header)}.${encode(claims)}`);
}

export function signedText({ signing }: Issuer, text: string): string {
  return `${text}.${sign(null, Buffer.from(text), KeyObject.from(signing.key)).toString('base64url')}`;
}

/** The call is refused, and by the gate. `name` says which one was not. */
export async function expectRefused(name: string, answer: Promise<unknown>): Promise<void> {
  const error = await answer.then(
    () => expect.fail(`${name} was taken`),
    (thrown: unknown) => thrown,
  );
  expect(error, name).toBeInstanceOf(TokenRefused);
}
