import { toBaseLetters } from './base-letters.ts';

/** Longer than anything that is typed to search; keeps a term within what an index takes. */
const TERM_CHARACTERS = 100;

/**
 * Text as it is compared in searches: without case, marks and punctuation, its words apart by one space. Empty when
 * there is no letter or digit in it.
 */
export function fold(text: string): string {
  return toBaseLetters(text)
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .slice(0, TERM_CHARACTERS);
}

/** What a profile is found by, as prefixes: the handle, and the name from each of its words on. */
export function searchTerms(profile: { handle: string; name: string }): string[] {
  const words = fold(profile.name).split(' ');
  const terms = [fold(profile.handle), ...words.map((_, index) => words.slice(index).join(' '))];
  return [...new Set(terms)].filter((term) => term !== '');
}

/** The prefix that a search asks for; undefined when nothing can match. A leading @ says no more than that a person is meant. */
export function searchPrefix(search: string): string | undefined {
  return fold(search.trim().replace(/^@/, '')) || undefined;
}
