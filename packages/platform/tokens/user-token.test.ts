import fc from 'fast-check';
import { decodeJwt, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createGate } from './gate.ts';
import { createKeyRing } from './keys.ts';
import { createMinter, USER_TOKEN_SECONDS } from './minter.ts';
import { CLUSTER, createTestTokens, type Issuer, type TestTokens } from './test-tokens.ts';
import { TokenRefused } from './token-refused.ts';

const ann = { user: 'ann', session: 's1', role: 'member', scope: 'api' } as const;

/** A token with all that a user token has, except for what `change` does to it. */
function forge(
  tokens: TestTokens,
  by: Issuer,
  change: { header?: object; claims?: object; issuer?: string; audience?: string } = {},
): Promise<string> {
  const now = tokens.clock.now() / 1000;
  return new SignJWT({ sid: 's1', role: 'member', scope: 'api', jti: 'j', sub: 'ann', ...change.claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'user+jwt', kid: by.signing.kid, ...change.header })
    .setIssuer(change.issuer ?? 'identity')
    .setAudience(change.audience ?? `starling/${CLUSTER}`)
    .setIssuedAt(now)
    .setExpirationTime(now + 300)
    .sign(by.signing.key);
}

/** Puts a token together by hand: header and claims as they are, and any signature. */
function assemble(header: object, claims: object, signature: (signed: string) => string): string {
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${signature(signed)}`;
}

describe('a user token', () => {
  it('tells who its user is', async () => {
    const { issuers, gate, clock } = await createTestTokens();
    const { token, expiresAt } = await issuers.identity.minter.mintUserToken({ ...ann, origin: 'https://chat.example' });
    expect(expiresAt).toBe(clock.now() + USER_TOKEN_SECONDS * 1000);
    expect(await gate.verifyUserToken(token)).toEqual({
      ...ann,
      token,
      origin: 'https://chat.example',
      issuedAt: clock.now(),
      expiresAt,
      tokenId: decodeJwt(token).jti,
      audience: `starling/${CLUSTER}`,
    });
    const { token: without } = await issuers.identity.minter.mintUserToken(ann);
    expect((await gate.verifyUserToken(without)).origin).toBeUndefined();
  });

  it('is refused once it is 5 s past its expiry, whether or not it was seen before', async () => {
    const { issuers, gate, gateOf, clock } = await createTestTokens();
    const { token } = await issuers.identity.minter.mintUserToken(ann);
    await gate.verifyUserToken(token);
    clock.advance(USER_TOKEN_SECONDS * 1000 + 4_999);
    expect((await gate.verifyUserToken(token)).user).toBe('ann');
    expect((await gateOf('conversation').verifyUserToken(token)).user).toBe('ann');
    clock.advance(1);
    await expect(gate.verifyUserToken(token)).rejects.toThrow(TokenRefused);
    await expect(gateOf('conversation').verifyUserToken(token)).rejects.toThrow(TokenRefused);
  });

  it('is refused when issuer, audience, type or a claim is another', async () => {
    const tokens = await createTestTokens();
    const { identity, web } = tokens.issuers;
    expect((await tokens.gate.verifyUserToken(await forge(tokens, identity))).user).toBe('ann');
    const wrong = {
      'issuer in the claims': await forge(tokens, identity, { issuer: 'web' }),
      'key of another issuer, in its own name': await forge(tokens, web, { issuer: 'web' }),
      'key of another issuer, in the name of identity': await forge(tokens, web),
      'key id of identity, key of another': await forge(tokens, web, { header: { kid: identity.signing.kid } }),
      'key id that nobody has': await forge(tokens, identity, { header: { kid: 'other' } }),
      'no key id': await forge(tokens, identity, { header: { kid: undefined } }),
      'audience of another installation': await forge(tokens, identity, { audience: 'starling/other' }),
      'audience of a service': await forge(tokens, identity, { audience: 'conversation' }),
      'type hop': await forge(tokens, identity, { header: { typ: 'hop+jwt' } }),
      'no type': await forge(tokens, identity, { header: { typ: undefined } }),
      'no subject': await forge(tokens, identity, { claims: { sub: undefined } }),
      'no session': await forge(tokens, identity, { claims: { sid: undefined } }),
      'session that is no text': await forge(tokens, identity, { claims: { sid: 1 } }),
      'no scope': await forge(tokens, identity, { claims: { scope: undefined } }),
      'no role': await forge(tokens, identity, { claims: { role: undefined } }),
      'role that nobody has': await forge(tokens, identity, { claims: { role: 'root' } }),
      'origin that is no text': await forge(tokens, identity, { claims: { origin: null } }),
      'no jti': await forge(tokens, identity, { claims: { jti: undefined } }),
    };
    for (const [name, token] of Object.entries(wrong)) await expect(tokens.gate.verifyUserToken(token), name).rejects.toThrow(TokenRefused);
  });

  it('is refused unless it is signed with EdDSA', async () => {
    const tokens = await createTestTokens();
    const { signing, publicJwk } = tokens.issuers.identity;
    const now = tokens.clock.now() / 1000;
    const claims = {
      iss: 'identity',
      aud: `starling/${CLUSTER}`,
      sub: 'ann',
      sid: 's1',
      role: 'member',
      scope: 'api',
      jti: 'j',
      iat: now,
      exp: now + 300,
    };
    const header = { typ: 'user+jwt', kid: signing.kid };
    const publicBytes = Buffer.from(publicJwk.x ?? '', 'base64url');
    const { createHmac } = await import('node:crypto');
    const wrong = {
      'alg none': assemble({ ...header, alg: 'none' }, claims, () => ''),
      'alg None': assemble({ ...header, alg: 'None' }, claims, () => ''),
      'no alg': assemble(header, claims, () => ''),
      'EdDSA without a signature': assemble({ ...header, alg: 'EdDSA' }, claims, () => ''),
      'HS256 by the public key': assemble({ ...header, alg: 'HS256' }, claims, (signed) =>
        createHmac('sha256', publicBytes).update(signed).digest('base64url'),
      ),
      'HS256 by the public JWK': assemble({ ...header, alg: 'HS256' }, claims, (signed) =>
        createHmac('sha256', JSON.stringify(publicJwk)).update(signed).digest('base64url'),
      ),
      'nothing at all': '',
      'two parts': 'a.b',
      'no JSON': 'a.b.c',
    };
    for (const [name, token] of Object.entries(wrong)) await expect(tokens.gate.verifyUserToken(token), name).rejects.toThrow(TokenRefused);
  });

  it('is refused when another installation of the same keys signed it', async () => {
    const { issuers, gate, clock } = await createTestTokens();
    const other = createMinter({ signing: { issuer: 'identity', current: () => issuers.identity.signing }, cluster: 'other', clock });
    await expect(gate.verifyUserToken((await other.mintUserToken(ann)).token)).rejects.toThrow(TokenRefused);
  });

  it('is refused when a single character of it is another', async () => {
    const { issuers, gateOf } = await createTestTokens();
    const { token } = await issuers.identity.minter.mintUserToken(ann);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ';
    const gate = gateOf('conversation');
    const refusesAt = async (index: number, character: string): Promise<void> => {
      fc.pre(token[index] !== character);
      await expect(gate.verifyUserToken(token.slice(0, index) + character + token.slice(index + 1))).rejects.toThrow(TokenRefused);
    };
    await fc.assert(fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...alphabet), refusesAt), { numRuns: 300 });
    // The last character carries bits that no byte of the signature takes up.
    for (const character of alphabet) if (character !== token.at(-1)) await refusesAt(token.length - 1, character);
    await expect(gate.verifyUserToken(`${token}A`)).rejects.toThrow(TokenRefused);
    await expect(gate.verifyUserToken(`${token}=`)).rejects.toThrow(TokenRefused);
  });
});

describe('a ring of keys', () => {
  it('finds a key by its issuer and id only', async () => {
    const { issuers } = await createTestTokens();
    const ring = await createKeyRing({ identity: [issuers.identity.publicJwk], web: [issuers.web.publicJwk] });
    expect(ring.find('identity', 'identity-key')?.type).toBe('public');
    expect(ring.find('web', 'identity-key')).toBeUndefined();
    expect(ring.find('identity', 'web-key')).toBeUndefined();
  });

  it('tells two keys of the same id apart by their issuers', async () => {
    const tokens = await createTestTokens();
    const { identity, web } = tokens.issuers;
    const ring = await createKeyRing({ identity: [{ ...identity.publicJwk, kid: 'k' }], web: [{ ...web.publicJwk, kid: 'k' }] });
    const gate = createGate({ service: 'conversation', cluster: CLUSTER, ring, clock: tokens.clock });
    expect((await gate.verifyUserToken(await forge(tokens, identity, { header: { kid: 'k' } }))).user).toBe('ann');
    await expect(gate.verifyUserToken(await forge(tokens, web, { header: { kid: 'k' } }))).rejects.toThrow(TokenRefused);
  });

  it('refuses a key without an id', async () => {
    const { issuers } = await createTestTokens();
    const { kid: _kid, ...jwk } = issuers.web.publicJwk;
    await expect(createKeyRing({ web: [jwk] })).rejects.toThrow('a key has no id');
  });
});
