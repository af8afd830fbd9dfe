import { expect, test } from 'vitest';
import { deriveKey } from './keys.ts';

test('each purpose and each secret has a key of its own, the same every time', () => {
  const keys = [deriveKey('a secret', 'one'), deriveKey('a secret', 'other'), deriveKey('another secret', 'one')];
  expect(keys.map(({ length }) => length)).toEqual([32, 32, 32]);
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(3);
  expect(deriveKey('a secret', 'one')).toEqual(keys[0]);
});
