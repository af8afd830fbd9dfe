import { toBaseLetters } from './base-letters.ts';

const HANDLE_CHARACTERS = 32;
const FALLBACK = 'user';

/** The handle that a name suggests: `Anna Müller` → `anna.muller`; `user` when nothing of the name can be part of one. */
export function deriveHandle(name: string): string {
  const plain = toBaseLetters(name)
    // An apostrophe is within a word, not between two.
    .replace(/['’ʼ`]/g, '')
    .replace(/[^a-z0-9]+/g, '.');
  return trim(plain) || FALLBACK;
}

/** The handle with a number, cut so that both fit. */
export function numberHandle(base: string, number: number): string {
  const suffix = `-${number}`;
  return `${trim(base.slice(0, HANDLE_CHARACTERS - suffix.length))}${suffix}`;
}

/** A handle begins and ends with a letter or digit. */
function trim(text: string): string {
  return text
    .replace(/^[._-]+/, '')
    .slice(0, HANDLE_CHARACTERS)
    .replace(/[._-]+$/, '');
}
