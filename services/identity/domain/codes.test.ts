import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { deriveCode, isCodeOf } from './codes.ts';
import { deriveKey } from './keys.ts';

const key = deriveKey('a secret of this test, long enough', 'codes');

test('a code has six digits, is the same each time, and another with another id or key', () => {
  const ids = Array.from({ length: 2_000 }, () => randomUUID());
  const codes = ids.map((id) => deriveCode(key, id));
  expect(codes.every((code) => /^\d{6}$/.test(code))).toBe(true);
  expect(codes.some((code) => code.startsWith('0'))).toBe(true);
  expect(ids.map((id) => deriveCode(key, id))).toEqual(codes);
  expect(new Set(codes).size).toBeGreaterThan(1_900);
  const otherKey = deriveKey('another secret of this test, as long', 'codes');
  expect(ids.filter((id, index) => deriveCode(otherKey, id) === codes[index]).length).toBeLessThan(5);
});

test('only the six digits themselves are the code', () => {
  const id = randomUUID();
  const code = deriveCode(key, id);
  expect(isCodeOf(key, id, code)).toBe(true);
  const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
  for (const other of [
    wrong,
    '',
    ` ${code}`,
    `${code}\n`,
    `${code}0`,
    code.slice(1),
    String(Number(code)).padStart(7, '0'),
    '１２３４５６',
  ])
    expect(isCodeOf(key, id, other)).toBe(false);
  expect(isCodeOf(key, randomUUID(), code)).toBe(false);
});
