import { FORMATS, isLine } from '@starling/contracts/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deriveHandle, numberHandle } from './handle.ts';

test.each([
  ['Anna Müller', 'anna.muller'],
  ["Sinéad O'Connor", 'sinead.oconnor'],
  ['Søren Ågård-Łoś', 'soren.agard.los'],
  ['STRAẞE', 'strasse'],
  ['  --Max_99--  ', 'max.99'],
  ['ｆｕｌｌ width', 'full.width'],
  ['Анна', 'user'],
  ['李小龍', 'user'],
  ['🦊', 'user'],
  ['李 Bruce', 'bruce'],
  [`${'a'.repeat(31)} b`, 'a'.repeat(31)],
  ['a'.repeat(80), 'a'.repeat(32)],
])('%s suggests %s', (name, handle) => {
  expect(deriveHandle(name)).toBe(handle);
});

test('a number fits in', () => {
  expect(numberHandle('anna', 2)).toBe('anna-2');
  expect(numberHandle('a'.repeat(32), 1000)).toBe(`${'a'.repeat(27)}-1000`);
  expect(numberHandle(`${'a'.repeat(28)}.bcd`, 12)).toBe(`${'a'.repeat(28)}-12`);
});

test('whatever the name, what comes out is a handle', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }).filter(isLine),
      fc.integer({ min: 2, max: 9_999_999 }),
      (name, number) => {
        const handle = deriveHandle(name);
        expect(FORMATS['handle']?.(handle)).toBe(true);
        expect(FORMATS['handle']?.(numberHandle(handle, number))).toBe(true);
      },
    ),
  );
});
