import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeRefreshToken, isGenuine, judgeRefresh, parseRefreshToken } from './refresh-token.ts';

const key = Buffer.alloc(32, 1);
const seed = Buffer.alloc(32, 2);
const token = { session: '3f0c1e6e-7d2b-4c3a-9a51-0c8b3a9d7e21', generation: 7 };
const text = encodeRefreshToken(key, token, seed);

test('a token reads back as what it is, and is genuine with its key and its seed alone', () => {
  const parsed = parseRefreshToken(text);
  expect(parsed).toMatchObject(token);
  expect(parsed && isGenuine(key, parsed, seed)).toBe(true);
  expect(parsed && isGenuine(Buffer.alloc(32, 3), parsed, seed)).toBe(false);
  expect(parsed && isGenuine(key, parsed, Buffer.alloc(32, 3))).toBe(false);
});

test('no other text is genuine', () => {
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 0, maxLength: 2 }), (at, put) => {
      const changed = text.slice(0, at) + put + text.slice(at + 1);
      const parsed = parseRefreshToken(changed);
      // The last character of a MAC holds bits that count for nothing.
      const same = changed === text || (at === text.length - 1 && parsed?.mac.equals(parseRefreshToken(text)?.mac as Buffer));
      return same || parsed === undefined || !isGenuine(key, parsed, seed);
    }),
  );
});

test('the newest is replaced, its predecessor gets the same again for 10 s, and anything older is a second use', () => {
  expect(judgeRefresh(7, 7, 0)).toBe('rotate');
  expect(judgeRefresh(7, 7, 9_999_999)).toBe('rotate');
  expect(judgeRefresh(6, 7, 10_000)).toBe('repeat');
  expect(judgeRefresh(6, 7, 10_001)).toBe('reuse');
  expect(judgeRefresh(5, 7, 0)).toBe('reuse');
});
