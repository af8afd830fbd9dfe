import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createBrowserSecret, openBrowserSecret } from './browser-secret.ts';
import { seal, unseal } from './sealed.ts';

const key = randomBytes(32);

test('what is sealed opens with its key, in its place', () => {
  const sealed = seal(key, 'ünlesbar', 'ann');
  expect(unseal(key, sealed, 'ann')).toBe('ünlesbar');
  expect(unseal(key, sealed, 'bob')).toBeUndefined();
  expect(unseal(randomBytes(32), sealed, 'ann')).toBeUndefined();
  expect(sealed.toString('latin1')).not.toContain('lesbar');
  expect(seal(key, 'ünlesbar', 'ann')).not.toEqual(sealed);
});

test('a change of any byte is noticed, and so is what is missing', () => {
  const sealed = seal(key, 'text', 'ann');
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] as number) ^ 1;
    expect(unseal(key, changed, 'ann')).toBeUndefined();
    expect(unseal(key, sealed.subarray(0, at), 'ann')).toBeUndefined();
  }
});

test("a browser's secret is good for its purpose until it expires", () => {
  const secret = createBrowserSecret(key, 'flow', { state: 's' }, 1000);
  expect(secret).toMatch(/^[\w-]+$/);
  expect(openBrowserSecret(key, 'flow', secret, 999)).toMatchObject({ value: { state: 's' }, expiresAt: 1000 });
  expect(openBrowserSecret(key, 'flow', secret, 1000)).toBeUndefined();
  expect(openBrowserSecret(key, 'link', secret, 999)).toBeUndefined();
  for (const other of ['', 'x', `${secret}AAAA`, secret.slice(0, -4)]) expect(openBrowserSecret(key, 'flow', other, 999)).toBeUndefined();
});

test('a secret that is written another way is the same secret', () => {
  const secret = createBrowserSecret(key, 'flow', { state: 's' }, 1000);
  const rewritten = `${secret}==`;
  expect(openBrowserSecret(key, 'flow', rewritten, 999)?.bytes).toEqual(openBrowserSecret(key, 'flow', secret, 999)?.bytes);
});
