import { createHmac, createPublicKey } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { LEEWAY_SECONDS } from './gate.ts';
import { createForgery, encode, expectRefused, type Forge, type Forgery, signed, type Text } from './test-forge.ts';
import type { Issuer } from './test-tokens.ts';

/*
 * What RFC 8725 and chapter 9 of OWASP's ASVS 5 tell a verifier to refuse, each as a token that differs from a good one in
 * that alone. Tokens are put together by hand, since no library makes most of them.
 */

let forgery: Forgery;
let forge: Forge;
let now: number;

describe.each(['user', 'hop'] as const)('a %s token', (kind) => {
  beforeAll(async () => {
    forgery = await createForgery();
    forge = forgery[kind];
    now = forgery.now;
  });

  it('put together by hand is good, so that what follows is refused for what is wrong with it', async () => {
    expect(await forge.verify(forge.make())).toBeDefined();
  });

  it('with another algorithm, or none, is refused', async () => {
    const { header: good, claims } = forge.full;
    const key = forge.issuer;
    const pem = await publicPem(key);
    const { alg: _alg, ...withoutAlg } = good;
    const withoutSignature = (alg: unknown) => `${encode({ ...good, alg })}.${encode(claims)}.`;
    const none = ['none', 'None', 'NONE', 'nOnE', '', null, false, ['EdDSA'], ['none'], { alg: 'EdDSA' }];
    for (const alg of none) {
      await expectRefused(`alg ${alg}`, forge.verify(withoutSignature(alg)));
      await expectRefused(`alg ${alg} with a signature`, forge.verify(signed(key, { ...good, alg }, claims)));
    }
    await expectRefused('no alg', forge.verify(signed(key, withoutAlg, claims)));
    await expectRefused('EdDSA without a signature', forge.verify(withoutSignature('EdDSA')));
    for (const alg of ['eddsa', 'EDDSA', 'Ed25519', 'ES256', 'RS256', 'PS256', 'HS256', 'EdDSA '])
      await expectRefused(alg, forge.verify(signed(key, { ...good, alg }, claims)));
    const { x = '' } = key.publicJwk;
    const secrets = {
      PEM: pem,
      'PEM without its end': pem.trimEnd(),
      JWK: JSON.stringify(key.publicJwk),
      'raw key': Buffer.from(x, 'base64url'),
      x,
      nothing: '',
    };
    for (const [name, secret] of Object.entries(secrets)) {
      for (const [alg, hash] of [
        ['HS256', 'sha256'],
        ['HS384', 'sha384'],
        ['HS512', 'sha512'],
      ] as const)
        await expectRefused(`${alg} by the public ${name}`, forge.verify(macked({ ...good, alg }, claims, secret, hash)));
      await expectRefused(`EdDSA by a MAC of ${name}`, forge.verify(macked(good, claims, secret)));
    }
  });

  it('that brings a key, a place of one, or rules of its own is refused', async () => {
    const own = await createIssuer();
    const { header: good, claims } = forge.full;
    const members = {
      jwk: own.publicJwk,
      jku: 'https://attacker.example/jwks.json',
      x5u: 'https://attacker.example/x.pem',
      x5c: ['MIIB'],
      x5t: 'abc',
      'x5t#S256': 'abc',
      crit: ['exp'],
      b64: false,
      zip: 'DEF',
      cty: 'JWT',
      enc: 'A256GCM',
      iss: 'identity',
      unknown: 1,
    };
    for (const [member, value] of Object.entries(members)) {
      await expectRefused(`${member}, by the attacker's key`, forge.verify(signed(own, { ...good, [member]: value }, claims)));
      await expectRefused(`${member}, by the good key`, forge.verify(signed(forge.issuer, { ...good, [member]: value }, claims)));
    }
    await expectRefused('crit of what is not known', forge.verify(forge.make({}, { crit: ['evil'], evil: true })));
    await expectRefused('jwk alone, without an id', forge.verify(signed(own, { alg: 'EdDSA', typ: good.typ, jwk: own.publicJwk }, claims)));
  });

  it('whose key id is no name of a key of its issuer is refused', async () => {
    const others = Object.values(forgery.tokens.issuers).filter((other) => other !== forge.issuer);
    const kids = [
      '../../etc/passwd',
      '/dev/null',
      "' OR '1'='1",
      'x; DROP TABLE keys',
      'http://attacker.example/key',
      `${forge.issuer.signing.kid}\0`,
      `${forge.issuer.signing.kid} `,
      ` ${forge.issuer.signing.kid}`,
      'a'.repeat(65),
      'unknown',
      '__proto__',
      'constructor',
      '',
      null,
      0,
      true,
      [forge.issuer.signing.kid],
      { kid: forge.issuer.signing.kid },
      ...others.map(({ signing }) => signing.kid),
    ];
    for (const kid of kids) await expectRefused(`kid ${JSON.stringify(kid)}`, forge.verify(forge.make({}, { kid })));
    const { header: good, claims } = forge.full;
    for (const other of others) {
      await expectRefused(
        `the key of ${other.issuer} under its id`,
        forge.verify(signed(other, { ...good, kid: other.signing.kid }, claims)),
      );
      await expectRefused(`the key of ${other.issuer} under this id`, forge.verify(signed(other, good, claims)));
    }
  });

  it('of another type, issuer or audience is refused', async () => {
    const { header: good } = forge.full;
    const types = [
      'JWT',
      'jwt',
      'at+jwt',
      'application/at+jwt',
      `application/${good.typ}`,
      good.typ.toUpperCase(),
      'dpop+jwt',
      '',
      null,
      undefined,
      1,
      [good.typ],
      good.typ === 'hop+jwt' ? 'user+jwt' : 'hop+jwt',
    ];
    for (const typ of types) await expectRefused(`typ ${typ}`, forge.verify(forge.make({}, { typ })));
    const { iss, aud } = forge.full.claims;
    for (const value of ['operator', 'Identity', '', null, undefined, 1, [iss], { iss }])
      await expectRefused(`iss ${value}`, forge.verify(forge.make({ iss: value })));
    for (const value of ['other', `${aud}/`, aud.toUpperCase(), '', null, undefined, [aud], [aud, 'other'], ['other'], { aud }])
      await expectRefused(`aud ${value}`, forge.verify(forge.make({ aud: value })));
  });

  it('without a time, with one that is no number, or with a wrong one is refused', async () => {
    const life = forge.full.claims.exp - now;
    const times: [string, object][] = [
      ['no exp', { exp: undefined }],
      ...['iat', 'exp', 'nbf'].flatMap((claim): [string, object][] =>
        [null, String(now), '', [now], {}, true, false].map((value) => [`${claim} ${JSON.stringify(value)}`, { [claim]: value }]),
      ),
      ['no iat', { iat: undefined }],
      ['expired', { iat: now - life - LEEWAY_SECONDS, exp: now - LEEWAY_SECONDS }],
      ['expired long ago', { iat: 0, exp: life }],
      ['valid in the future', { nbf: now + LEEWAY_SECONDS + 1 }],
      ['minted in the future', { iat: now + LEEWAY_SECONDS + 1 }],
      ['minted in the far future', { iat: now + 1e9, exp: now + 1e9 + life }],
      ['lives too long', { exp: now + life + LEEWAY_SECONDS + 1 }],
      ['lives for ever', { exp: 9e15 }],
      ['lives too long, from the past', { iat: now - 3600, exp: now + 60 }],
    ];
    for (const [name, claims] of times) await expectRefused(name, forge.verify(forge.make(claims)));
    const { header: good, claims } = forge.full;
    for (const claim of ['exp', 'iat', 'nbf']) {
      const text = JSON.stringify({ ...claims, [claim]: 0.5 }).replace(`"${claim}":0.5`, `"${claim}":${claim === 'iat' ? '-' : ''}1e999`);
      await expectRefused(`${claim} beyond all numbers`, forge.verify(signed(forge.issuer, good, text)));
    }
    // Within the leeway that clocks are given, each is good.
    for (const claims of [{ nbf: now + LEEWAY_SECONDS }, { iat: now + LEEWAY_SECONDS }, { exp: now - LEEWAY_SECONDS + 1, iat: now - 20 }])
      expect(await forge.verify(forge.make(claims))).toBeDefined();
  });

  it('without a subject or an id is refused', async () => {
    for (const claim of ['sub', 'jti', 'sid'])
      for (const value of [undefined, null, '', 1, ['ann'], {}])
        if (claim !== 'sid' || value !== '')
          await expectRefused(`${claim} ${JSON.stringify(value)}`, forge.verify(forge.make({ [claim]: value })));
  });
});

/** Header, claims and what a MAC by `secret` would be. */
function macked(header: Text, claims: Text, secret: string | Buffer, hash = 'sha256'): string {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

async function createIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid: 'web-key' };
  return { issuer: 'web', minter: forgery.tokens.issuers.web.minter, signing: { kid: 'web-key', key: privateKey }, publicJwk };
}

async function publicPem({ publicJwk }: Issuer): Promise<string> {
  return createPublicKey({ key: publicJwk as { kty: string }, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
}
