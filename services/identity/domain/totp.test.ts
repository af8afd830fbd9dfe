import { base32 } from '@better-auth/utils/base32';
import { expect, test } from 'vitest';
import { createTotpSecret, describeTotp, findTotpStep } from './totp.ts';

/** Of RFC 6238's appendix B, cut to six digits. */
const SECRET = '12345678901234567890';
const VECTORS: [seconds: number, code: string][] = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
];

test.each(VECTORS)('at %i seconds the code is %s', async (seconds, code) => {
  const step = Math.floor(seconds / 30);
  expect(await findTotpStep(SECRET, code, seconds * 1000, 0)).toBe(step);
});

test('a code is good one step before and after its own, and no further', async () => {
  const found = await Promise.all([-60, -30, 0, 30, 60].map((away) => findTotpStep(SECRET, '279037', (2_000_000_000 + away) * 1000, 0)));
  const step = Math.floor(2_000_000_000 / 30);
  expect(found).toEqual([undefined, step, step, step, undefined]);
});

test('no code of the last step or before is good', async () => {
  const now = 2_000_000_000_000;
  const step = Math.floor(now / 30_000);
  expect(await findTotpStep(SECRET, '279037', now, step - 1)).toBe(step);
  expect(await findTotpStep(SECRET, '279037', now, step)).toBeUndefined();
  expect(await findTotpStep(SECRET, '279037', now, step + 1)).toBeUndefined();
});

test.each(['', '27903', '2790370', '27903a', '٢٧٩٠٣٧', ' 279037'])('%j is no code', async (text) => {
  expect(await findTotpStep(SECRET, text, 2_000_000_000_000, 0)).toBeUndefined();
});

test('an authenticator is given the secret that codes are made from', () => {
  const secret = createTotpSecret();
  expect(createTotpSecret()).not.toBe(secret);
  const described = describeTotp(secret, 'ann+1@example.org');
  expect(Buffer.from(base32.decode(described.secret)).toString()).toBe(secret);
  const uri = new URL(described.uri);
  expect(uri.href.startsWith('otpauth://totp/Starling:ann%2B1%40example.org?')).toBe(true);
  expect(Object.fromEntries(uri.searchParams)).toEqual({ secret: described.secret, issuer: 'Starling', digits: '6', period: '30' });
});
