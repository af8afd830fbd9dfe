import fc from 'fast-check';
import { decodeJwt, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { TokenRefused } from './gate.ts';
import { evidenceOf, HOP_TOKEN_SECONDS, type OnBehalfOf } from './minter.ts';
import { createTestTokens, type Issuer, type TestTokens } from './test-tokens.ts';

async function createUser(tokens: TestTokens, user = 'ann', session = 's1'): Promise<OnBehalfOf> {
  const { token } = await tokens.issuers.identity.minter.mintUserToken({ user, session, scope: 'api' });
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
  return new SignJWT({ sub: user.user, sid: user.session, evd: evidenceOf(user.token), jti: 'j', iss: by.signing.issuer, ...change.claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'hop+jwt', kid: by.signing.kid, ...change.header })
    .setAudience(change.audience ?? 'conversation')
    .setIssuedAt(now)
    .setExpirationTime(now + 30)
    .sign(by.signing.key);
}

describe('a hop token', () => {
  it('proves the calling service, and the user beside whose token it comes', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const hop = await tokens.issuers.web.minter.mintHopToken('conversation', ann);
    const caller = await tokens.gate.verifyCall(hop, ann.token);
    expect(caller).toMatchObject({ service: 'web', user: { user: 'ann', session: 's1', scope: 'api', chain: ['web'] } });
  });

  it('carries the chain of callers on, the nearest first, and no more than four of them', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const first = await tokens.issuers.web.minter.mintHopToken('delivery', ann);
    const { user } = await tokens.gateOf('delivery').verifyCall(first, ann.token);
    const second = await tokens.issuers.delivery.minter.mintHopToken('conversation', user);
    expect((await tokens.gate.verifyCall(second, ann.token)).user?.chain).toEqual(['delivery', 'web']);
    const long = await tokens.issuers.web.minter.mintHopToken('conversation', { ...ann, chain: ['b', 'c', 'd', 'e', 'f'] });
    expect((await tokens.gate.verifyCall(long, ann.token)).user?.chain).toEqual(['web', 'b', 'c', 'd']);
  });

  it('speaks for its own service when no user is behind the call, and never for a user', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const { web } = tokens.issuers;
    const own = await web.minter.mintHopToken('conversation');
    expect(await tokens.gate.verifyCall(own, undefined)).toEqual({ service: 'web', user: undefined });
    // A user token beside it changes nothing: the hop token does not say that the call is for that user.
    expect((await tokens.gate.verifyCall(own, ann.token)).user).toBeUndefined();
    for (const sub of ['ann', 'svc:delivery', 'svc:']) {
      const forged = await forge(tokens, web, ann, { claims: { evd: undefined, sub } });
      await expect(tokens.gate.verifyCall(forged, ann.token), sub).rejects.toThrow(TokenRefused);
    }
  });

  it('is refused when key, audience, type, algorithm or issuer is another', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const { web, delivery } = tokens.issuers;
    expect((await tokens.gate.verifyCall(await forge(tokens, web, ann), ann.token)).user?.user).toBe('ann');
    const wrong = {
      'for another service': await web.minter.mintHopToken('delivery', ann),
      'key of another issuer': await forge(tokens, delivery, ann, { claims: { iss: 'web' } }),
      'key id of another issuer': await forge(tokens, web, ann, { header: { kid: delivery.signing.kid } }),
      'another key under this key id': await forge(tokens, delivery, ann, { claims: { iss: 'web' }, header: { kid: web.signing.kid } }),
      'issuer without a key': await forge(tokens, web, ann, { claims: { iss: 'operator' } }),
      'no issuer': await forge(tokens, web, ann, { claims: { iss: undefined } }),
      'type of a user token': await forge(tokens, web, ann, { header: { typ: 'user+jwt' } }),
      'the user token in its place': ann.token,
      'no jti': await forge(tokens, web, ann, { claims: { jti: undefined } }),
      nothing: '',
    };
    for (const [name, hop] of Object.entries(wrong))
      await expect(tokens.gate.verifyCall(hop, ann.token), name).rejects.toThrow(TokenRefused);
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
    for (const other of [again, bob, elsewhere]) await expect(tokens.gate.verifyCall(hop, other.token)).rejects.toThrow('evidence');
    await expect(tokens.gate.verifyCall(hop, undefined)).rejects.toThrow('evidence');
    const swapped = {
      'another user': await forge(tokens, web, ann, { claims: { sub: 'bob' } }),
      'another session': await forge(tokens, web, ann, { claims: { sid: 's2' } }),
      'no session': await forge(tokens, web, ann, { claims: { sid: undefined } }),
      'the service itself': await forge(tokens, web, ann, { claims: { sub: 'svc:web' } }),
      'no evidence but null': await forge(tokens, web, ann, { claims: { evd: null } }),
    };
    for (const [name, token] of Object.entries(swapped))
      await expect(tokens.gate.verifyCall(token, ann.token), name).rejects.toThrow(TokenRefused);
  });

  it('is refused 5 s after its expiry, and once its user token has expired', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const { web } = tokens.issuers;
    const hop = await web.minter.mintHopToken('conversation', ann);
    tokens.clock.advance(HOP_TOKEN_SECONDS * 1000 + 4_999);
    expect((await tokens.gate.verifyCall(hop, ann.token)).service).toBe('web');
    tokens.clock.advance(1);
    await expect(tokens.gate.verifyCall(hop, ann.token)).rejects.toThrow(TokenRefused);
    tokens.clock.advance(300_000);
    const late = await web.minter.mintHopToken('conversation', ann);
    await expect(tokens.gate.verifyCall(late, ann.token)).rejects.toThrow('expired');
  });

  it('is refused when a user token that identity did not sign comes with it', async () => {
    const tokens = await createTestTokens();
    const { token } = await tokens.issuers.web.minter.mintUserToken({ user: 'ann', session: 's1', scope: 'api' });
    const hop = await tokens.issuers.web.minter.mintHopToken('conversation', { user: 'ann', session: 's1', token });
    await expect(tokens.gate.verifyCall(hop, token)).rejects.toThrow(TokenRefused);
  });

  it('is refused when a single character of it is another', async () => {
    const tokens = await createTestTokens();
    const ann = await createUser(tokens);
    const hop = await tokens.issuers.web.minter.mintHopToken('conversation', ann);
    await fc.assert(
      fc.asyncProperty(fc.nat(hop.length - 1), fc.constantFrom(...'AQgw-_.b0'), async (index, character) => {
        fc.pre(hop[index] !== character);
        await expect(tokens.gate.verifyCall(hop.slice(0, index) + character + hop.slice(index + 1), ann.token)).rejects.toThrow(
          TokenRefused,
        );
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
