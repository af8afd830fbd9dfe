import { createHmac, randomInt } from 'node:crypto';

const CODES = 10;
const SYMBOLS = 10;
/** Crockford's base32: no letter that is read as a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Ten codes of 50 bits each, such as `4fz2k-9x0ah`. */
export function createRecoveryCodes(): string[] {
  const codes = new Set<string>();
  while (codes.size < CODES) {
    const symbols = Array.from({ length: SYMBOLS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    codes.add(`${symbols.slice(0, SYMBOLS / 2)}-${symbols.slice(SYMBOLS / 2)}`);
  }
  return [...codes];
}

/**
 * What is stored of a code: without the key nobody can try codes against it. Case, dashes and letters that look like
 * digits do not matter.
 */
export function hashRecoveryCode(key: Buffer, user: string, code: string): Buffer {
  const symbols = code.toLowerCase().replaceAll('-', '').replaceAll('o', '0').replaceAll(/[il]/g, '1');
  return createHmac('sha256', key).update(`${user}:${symbols}`).digest();
}
