import fc from 'fast-check';
import { beforeAll, describe, it } from 'vitest';
import { createForgery, encode, expectRefused, type Forge, type Forgery, signed, signedText } from './test-forge.ts';

/* Tokens that two readers could read differently, and whatever chance makes of a good one. */

let forgery: Forgery;
let forge: Forge;

describe.each(['user', 'hop'] as const)('a %s token', (kind) => {
  beforeAll(async () => {
    forgery = await createForgery();
    forge = forgery[kind];
  });

  it('that can be read in two ways is refused', async () => {
    const { header: good, claims } = forge.full;
    const twice = (object: object, name: string, value: unknown, first: boolean) => {
      const rest = JSON.stringify(object).slice(1, -1);
      const again = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
      return first ? `{${again},${rest}}` : `{${rest},${again}}`;
    };
    for (const first of [true, false]) {
      for (const [name, value] of Object.entries(claims)) {
        await expectRefused(`${name} twice, both the same`, forge.verify(signed(forge.issuer, good, twice(claims, name, value, first))));
        await expectRefused(`${name} twice`, forge.verify(signed(forge.issuer, good, twice(claims, name, 'other', first))));
      }
      for (const [name, value] of Object.entries(good))
        await expectRefused(`${name} twice`, forge.verify(signed(forge.issuer, twice(good, name, value, first), claims)));
    }
    const text = JSON.stringify(claims);
    await expectRefused('sub twice, once escaped', forge.verify(signed(forge.issuer, good, `${text.slice(0, -1)},"s\\u0075b":"bob"}`)));
    await expectRefused(
      'a member twice, deep within',
      forge.verify(signed(forge.issuer, good, `${text.slice(0, -1)},"x":[{"y":1,"y":1}]}`)),
    );
    await expectRefused('a byte order mark', forge.verify(signed(forge.issuer, good, `\uFEFF${text}`)));
    await expectRefused('text after the claims', forge.verify(signed(forge.issuer, good, `${text}{}`)));
    for (const payload of ['', '[]', 'null', '1', '"ann"', '{', `[${text}]`])
      await expectRefused(`the payload ${payload}`, forge.verify(signed(forge.issuer, good, payload)));
    const bytes = Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xff]), Buffer.from('"}')]).toString(
      'base64url',
    );
    await expectRefused('bytes that are no text', forge.verify(signedText(forge.issuer, `${encode(good)}.${bytes}`)));
  });

  it('in another form than the compact one, or too long, is refused', async () => {
    const token = forge.make();
    const [head = '', payload = '', signature = ''] = token.split('.');
    for (const text of [
      '',
      '.',
      '..',
      '...',
      'a.b.c',
      `${token}.`,
      `.${token}`,
      `${token}.${signature}`,
      `${head}.${payload}`,
      `${head}..${signature}`,
      `${head}.${payload}.${signature}=`,
      `${head}.${payload}.${signature}\n`,
      ` ${token}`,
      `${head}.${payload}\n.${signature}`,
      `${head}.${payload}.${signature.replaceAll('_', '/').replaceAll('-', '+')}=`,
      `Bearer ${token}`,
      JSON.stringify({ payload, signatures: [{ protected: head, signature }] }),
      JSON.stringify({ payload, protected: head, signature }),
    ])
      await expectRefused(JSON.stringify(text), forge.verify(text));
    await expectRefused('of 4 KiB and more', forge.verify(forge.make({ padding: 'x'.repeat(4096) })));
  });

  it('is refused however it is mutated', async () => {
    const token = forge.make();
    const parts = token.split('.');
    const { header: good, claims } = forge.full;
    const anything = fc.jsonValue({ maxDepth: 2 });
    const names = fc.constantFrom(...Object.keys(good), ...Object.keys(claims), 'nbf', 'scope', 'crit');
    const swap = (at: number, text: string) => token.slice(0, at) + text + token.slice(at + 1);
    const mutants = fc.oneof(
      fc
        .tuple(fc.nat(token.length - 1), fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ '))
        .map(([at, character]) => swap(at, character)),
      fc.tuple(fc.nat(token.length - 1), fc.string()).map(([at, text]) => swap(at, text)),
      fc
        .tuple(fc.nat(token.length), fc.nat(token.length))
        .map(([from, to]) => token.slice(0, Math.min(from, to)) + token.slice(Math.max(from, to))),
      fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)).map((order) => order.map((index) => parts[index]).join('.')),
      fc.tuple(names, anything).map(([name, value]) => [encode({ ...good, [name]: value }), parts[1], parts[2]].join('.')),
      fc.tuple(names, anything).map(([name, value]) => [parts[0], encode({ ...claims, [name]: value }), parts[2]].join('.')),
      fc
        .uint8Array({ minLength: 64, maxLength: 64 })
        .map((bytes) => [parts[0], parts[1], Buffer.from(bytes).toString('base64url')].join('.')),
      fc.nat(511).map((bit) => {
        const bytes = Buffer.from(parts[2] ?? '', 'base64url');
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return [parts[0], parts[1], bytes.toString('base64url')].join('.');
      }),
      // The same signature in its other form: S and S + L (RFC 8032 §8.4).
      fc.constant([parts[0], parts[1], addOrder(parts[2] ?? '')].join('.')),
    );
    await forge.verify(token);
    await fc.assert(
      fc.asyncProperty(mutants, async (mutant) => {
        fc.pre(mutant !== token);
        await expectRefused(mutant, forge.verify(mutant));
      }),
      { numRuns: 1_000 },
    );
  });
});

/** An Ed25519 signature with the order of the group added to its scalar. */
function addOrder(signature: string): string {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const bytes = Buffer.from(signature, 'base64url');
  const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order;
  const raised = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([bytes.subarray(0, 32), raised]).toString('base64url');
}
