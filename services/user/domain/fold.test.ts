import { expect, test } from 'vitest';
import { fold, searchPrefix, searchTerms } from './fold.ts';

test.each([
  ['Ärger im STRASSENCAFÉ', 'arger im strassencafe'],
  ['straße', 'strasse'],
  ['ΟΔΟΣ', 'οδοσ'],
  ['οδος', 'οδοσ'],
  ['İstanbul ılık', 'istanbul ilik'],
  ["  O'Brien--Smith (Ops) ", 'o brien smith ops'],
  ['ﬁne', 'fine'],
  ['Żółć', 'zolc'],
  ['Анна Каренина', 'анна каренина'],
  ['李 小龍', '李 小龍'],
  ['🦊 !?', ''],
])('%s is compared as %s', (text, folded) => {
  expect(fold(text)).toBe(folded);
});

test('a profile is found by its handle and by its name from each word on', () => {
  expect(searchTerms({ handle: 'am.2', name: 'Anna Maria Müller' })).toEqual(['am 2', 'anna maria muller', 'maria muller', 'muller']);
  expect(searchTerms({ handle: 'fox', name: '🦊' })).toEqual(['fox']);
});

test('a term stays short enough for an index, whatever a name expands to', () => {
  for (const term of searchTerms({ handle: 'x', name: 'ﷺ'.repeat(80) })) expect(term.length).toBeLessThanOrEqual(100);
});

test('a leading @ is left out, and a search for nothing finds nothing', () => {
  expect(searchPrefix('@Anna')).toBe('anna');
  expect(searchPrefix(' @anna.m')).toBe('anna m');
  for (const nothing of ['@', '%', '_', '\\', '  ', '@@']) expect(searchPrefix(nothing)).toBeUndefined();
});
