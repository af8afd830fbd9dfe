import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { deriveKey } from './keys.ts';
import { createLinkToken, readLinkToken } from './link-token.ts';

const key = deriveKey('a secret of this test, long enough', 'reset links');
const id = randomUUID();

test('a token is read by the key that made it, and is the same each time', () => {
  const token = createLinkToken(key, id);
  expect(token).toMatch(/^[\w.~-]{1,512}$/);
  expect(createLinkToken(key, id)).toBe(token);
  expect(readLinkToken(key, token)).toBe(id);
});

test('a token of another purpose, another id, or with any character changed is none', () => {
  const token = createLinkToken(key, id);
  const [, mac] = token.split('.');
  expect(readLinkToken(deriveKey('a secret of this test, long enough', 'invite links'), token)).toBeUndefined();
  expect(readLinkToken(key, `${randomUUID()}.${mac}`)).toBeUndefined();
  for (const other of ['', '.', id, `${id}.`, `.${mac}`, `${token}.`, `${token}=`, token.toUpperCase(), `${id}.${mac}.${mac}`])
    expect(readLinkToken(key, other)).toBeUndefined();
  for (let index = 0; index < token.length; index++) {
    const changed = token.slice(0, index) + (token[index] === '0' ? '1' : '0') + token.slice(index + 1);
    expect(readLinkToken(key, changed)).toBeUndefined();
  }
});
