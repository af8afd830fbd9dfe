import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
const SECRET = /^[\w-]{20,128}$/;

/** A secret that cannot be guessed, of letters, digits, `-` and `_`. */
export function createSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** SHA-256 of a secret that cannot be guessed, which is all that is kept of it; undefined for a text that cannot be one. */
export function hashSecret(secret: string): Buffer | undefined {
  return SECRET.test(secret) ? createHash('sha256').update(secret).digest() : undefined;
}
