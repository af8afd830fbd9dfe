import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createRecoveryCodes, hashRecoveryCode } from './recovery-codes.ts';

const key = randomBytes(32);

test('there are ten different codes', () => {
  const codes = createRecoveryCodes();
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/);
  expect(createRecoveryCodes().some((code) => codes.includes(code))).toBe(false);
});

test('however a code is written it is the same one, for one user and one key', () => {
  const hash = hashRecoveryCode(key, 'ann', '01abc-1def0');
  for (const written of ['01ABC-1DEF0', '01abc1def0', 'oLabc-IdefO']) expect(hashRecoveryCode(key, 'ann', written)).toEqual(hash);
  expect(hashRecoveryCode(key, 'bob', '01abc-1def0')).not.toEqual(hash);
  expect(hashRecoveryCode(randomBytes(32), 'ann', '01abc-1def0')).not.toEqual(hash);
  expect(hashRecoveryCode(key, 'ann', '01abc-1def1')).not.toEqual(hash);
});
