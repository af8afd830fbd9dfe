import { expect, test } from 'vitest';
import { hashPassword, verifyPassword } from './password.ts';

test('a hash names algorithm and cost, differs each time and fits its password alone', async () => {
  const [first, second] = await Promise.all([hashPassword('correct horse battery'), hashPassword('correct horse battery')]);
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(first).not.toBe(second);
  expect(await verifyPassword('correct horse battery', first)).toBe(true);
  expect(await verifyPassword('correct horse batterz', first)).toBe(false);
});

test('characters that look the same are the same password', async () => {
  const hash = await hashPassword('Zu\u0308rich-Passwort');
  expect(await verifyPassword('Z\u00fcrich-Passwort', hash)).toBe(true);
});

test('a hash of another cost is verified at that cost', async () => {
  // A test vector of the reference implementation (phc-winner-argon2, src/test.c).
  const hash = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
  expect(await verifyPassword('password', hash)).toBe(true);
});

test('a text that is no hash is an error, not a refusal', async () => {
  await expect(verifyPassword('password', 'salt:hash')).rejects.toThrow('cannot be read');
});
