import { HTTP_METHOD } from '@starling/contracts/permissions';
import fc from 'fast-check';
import { decodeJwt, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Caller, Gate } from './gate.ts';
import { identityAttributes } from './identity-attributes.ts';
import { evidenceOf, HOP_TOKEN_SECONDS, type OnBehalfOf } from './minter.ts';
import { createTestTokens, type Issuer, type TestTokens } from './test-tokens.ts';
import { TokenRefused } from './token-refused.ts';

async function createUser(tokens: TestTokens, user = 'ann', session = 's1'): Promise<OnBehalfOf> {
  const { token } = await tokens.issuers.identity.minter.mintUserToken({ user, session, role: 'member', scope: 'api' });
  return { user, session, token };
}

/** A hop token with all that web's has for this user, except for what `change` does to it. */
function forge(
  tokens: TestTokens,
  by: Issuer,
  user: OnBehalfOf,
  change: { header?: object; claims?: object; audience?: string } = {},
): Promise<string> {
  const now = tokens.clock.now() / 1000;
  return new SignJWT({
    sub: user.user,
    sid: user.session,
    evd: evidenceOf(user.token),
    jti: 'j',
    iss: by.issuer,
    act: { sub: by.issuer },
    ...change.claims,
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'hop+jwt', kid: by.signing.kid, ...change.header })
    .setAudience(change.audience ?? 'conversation')
    .setIssuedAt(now)
    .setExpirationTime(now + 30)
    .sign(by.signing.key);
}

const FIND_POST = 'starling.conversation.v1.ConversationService/FindPost';
const LOAD_PARTICIPATIONS = 'starling.conversation.v1.ConversationService/LoadParticipations';

function verify(gate: Gate, hopToken: string, userToken: string | undefined, method = HTTP_METHOD): Promise<Caller> {
  return gate.verifyCall({ hopToken, userToken, method });
}

describe('a hop token', () => {
  it('proves the calling service, and the user beside whose token it comes', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const hop = await tokens.issuers.web.minter.mintHopToken('conversation', ann);
    const caller = await verify(tokens.gate, hop, ann.token);
    expect(caller).toMatchObject({ service: 'web', user: { user: 'ann', session: 's1', scope: 'api', chain: ['web'] } });
  });

  it('carries the chain of callers on, the nearest first', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const first = await tokens.issuers.web.minter.mintHopToken('delivery', ann);
    const { user } = await verify(tokens.gateOf('delivery'), first, ann.token);
    const second = await tokens.issuers.delivery.minter.mintHopToken('conversation', user);
    const caller = await verify(tokens.gate, second, ann.token, FIND_POST);
    expect([caller.chain, caller.user?.chain]).toEqual([
      ['delivery', 'web'],
      ['delivery', 'web'],
    ]);
  });

  it('tells what a trace says of it', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const first = await tokens.issuers.web.minter.mintHopToken('delivery', ann);
    const { user } = await verify(tokens.gateOf('delivery'), first, ann.token);
    const second = await tokens.issuers.delivery.minter.mintHopToken('conversation', user);
    expect(identityAttributes(await verify(tokens.gate, second, ann.token, FIND_POST))).toEqual({
      'enduser.id': 'ann',
      'jwt.iss': 'delivery',
      'jwt.aud': 'conversation',
      'jwt.jti': decodeJwt(second).jti,
      'jwt.act': 'web>delivery',
    });
    expect(identityAttributes(await tokens.gate.verifyUserToken(ann.token))).toEqual({
      'enduser.id': 'ann',
      'jwt.iss': 'identity',
      'jwt.aud': 'starling/test',
      'jwt.jti': decodeJwt(ann.token).jti,
      'jwt.act': 'self',
    });
    const own = await tokens.issuers.delivery.minter.mintHopToken('conversation');
    expect(identityAttributes(await verify(tokens.gate, own, undefined, LOAD_PARTICIPATIONS))).toMatchObject({
      'enduser.id': 'svc:delivery',
      'jwt.act': 'delivery',
    });
  });

  it('speaks for its own service when no user is behind the call, and never for a user', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const { delivery } = tokens.issuers;
    const own = await delivery.minter.mintHopToken('conversation');
    const caller = await verify(tokens.gate, own, undefined, LOAD_PARTICIPATIONS);
    expect(caller).toEqual({
      service: 'delivery',
      user: undefined,
      chain: ['delivery'],
      tokenId: decodeJwt(own).jti,
      issuer: 'delivery',
      audience: 'conversation',
    });
    // A user token beside it changes nothing: the hop token does not say that the call is for that user.
    expect((await verify(tokens.gate, own, ann.token, LOAD_PARTICIPATIONS)).user).toBeUndefined();
    for (const sub of ['ann', 'svc:web', 'svc:']) {
      const forged = await forge(tokens, delivery, ann, { claims: { evd: undefined, sid: undefined, act: undefined, sub } });
      await expect(verify(tokens.gate, forged, ann.token, LOAD_PARTICIPATIONS), sub).rejects.toThrow('for its service alone');
    }
  });

  it('is refused when key, audience, type, algorithm or issuer is another', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const { web, delivery } = tokens.issuers;
    expect((await verify(tokens.gate, await forge(tokens, web, ann), ann.token)).user?.user).toBe('ann');
    const wrong = {
      'for another service': await web.minter.mintHopToken('delivery', ann),
      'key of another issuer': await forge(tokens, delivery, ann, { claims: { iss: 'web' } }),
      'key id of another issuer': await forge(tokens, web, ann, { header: { kid: delivery.signing.kid } }),
      'another key under this key id': await forge(tokens, delivery, ann, { claims: { iss: 'web' }, header: { kid: web.signing.kid } }),
      'issuer without a key': await forge(tokens, web, ann, { claims: { iss: 'operator', act: { sub: 'operator' } } }),
      'no issuer': await forge(tokens, web, ann, { claims: { iss: undefined } }),
      'type of a user token': await forge(tokens, web, ann, { header: { typ: 'user+jwt' } }),
      'the user token in its place': ann.token,
      'no jti': await forge(tokens, web, ann, { claims: { jti: undefined } }),
      nothing: '',
    };
    for (const [name, hop] of Object.entries(wrong)) await expect(verify(tokens.gate, hop, ann.token), name).rejects.toThrow(TokenRefused);
  });

  it('is refused beside the token of another user or session, and without one', async () => {
    const tokens = await createTestTokens();
    const [ann, again, bob, elsewhere] = [
      await createUser(tokens),
      await createUser(tokens),
      await createUser(tokens, 'bob'),
      await createUser(tokens, 'ann', 's2'),
    ];
    const { web } = tokens.issuers;
    const hop = await web.minter.mintHopToken('conversation', ann);
    for (const other of [again, bob, elsewhere]) await expect(verify(tokens.gate, hop, other.token)).rejects.toThrow('evidence');
    await expect(verify(tokens.gate, hop, undefined)).rejects.toThrow('evidence');
    const swapped = {
      'another user': await forge(tokens, web, ann, { claims: { sub: 'bob' } }),
      'another session': await forge(tokens, web, ann, { claims: { sid: 's2' } }),
      'no session': await forge(tokens, web, ann, { claims: { sid: undefined } }),
      'the service itself': await forge(tokens, web, ann, { claims: { sub: 'svc:web' } }),
      'no evidence but null': await forge(tokens, web, ann, { claims: { evd: null } }),
    };
    for (const [name, token] of Object.entries(swapped))
      await expect(verify(tokens.gate, token, ann.token), name).rejects.toThrow(TokenRefused);
  });

  it('is refused 5 s after its expiry, and once its user token has expired', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const { web } = tokens.issuers;
    const hop = await web.minter.mintHopToken('conversation', ann);
    tokens.clock.advance(HOP_TOKEN_SECONDS * 1000 + 4_999);
    expect((await verify(tokens.gate, hop, ann.token)).service).toBe('web');
    tokens.clock.advance(1);
    await expect(verify(tokens.gate, hop, ann.token)).rejects.toThrow(TokenRefused);
    tokens.clock.advance(300_000);
    const late = await web.minter.mintHopToken('conversation', ann);
    await expect(verify(tokens.gate, late, ann.token)).rejects.toThrow('expired');
  });

  it('is refused when a user token that identity did not sign comes with it', async () => {
    const tokens = await createTestTokens();
    const { token } = await tokens.issuers.web.minter.mintUserToken({ user: 'ann', session: 's1', role: 'member', scope: 'api' });
    const hop = await tokens.issuers.web.minter.mintHopToken('conversation', { user: 'ann', session: 's1', token });
    await expect(verify(tokens.gate, hop, token)).rejects.toThrow(TokenRefused);
  });

  it('is refused when a single character of it is another', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const hop = await tokens.issuers.web.minter.mintHopToken('conversation', ann);
    await fc.assert(
      fc.asyncProperty(fc.nat(hop.length - 1), fc.constantFrom(...'AQgw-_.b0'), async (index, character) => {
        fc.pre(hop[index] !== character);
        await expect(verify(tokens.gate, hop.slice(0, index) + character + hop.slice(index + 1), ann.token)).rejects.toThrow(TokenRefused);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a minter', () => {
  it('gives the same hop token for the same call for 20 s, then a new one', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const { minter } = tokens.issuers.web;
    const first = await minter.mintHopToken('conversation', ann);
    tokens.clock.advance(19_999);
    expect(await minter.mintHopToken('conversation', ann)).toBe(first);
    tokens.clock.advance(2);
    const second = await minter.mintHopToken('conversation', ann);
    expect(second).not.toBe(first);
    expect(decodeJwt(second).exp).toBe(Math.floor(tokens.clock.now() / 1000) + HOP_TOKEN_SECONDS);
    expect(decodeJwt(second).jti).not.toBe(decodeJwt(first).jti);
  });

  it('gives another one for another callee, another token, another chain, and the service itself', async () => {
    const tokens = await createTestTokens();
    const { minter } = tokens.issuers.web;
    const [ann, again] = [await createUser(tokens), await createUser(tokens)];
    const all = await Promise.all([
      minter.mintHopToken('conversation', ann),
      minter.mintHopToken('delivery', ann),
      minter.mintHopToken('conversation', again),
      minter.mintHopToken('conversation', { ...ann, chain: ['x'] }),
      minter.mintHopToken('conversation'),
      minter.mintHopToken('delivery'),
    ]);
    expect(new Set(all).size).toBe(all.length);
  });
});
