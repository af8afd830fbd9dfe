import { hkdfSync } from 'node:crypto';

const KEY_BYTES = 32;

/**
 * A key of 32 bytes for one purpose, from the service's one secret (RFC 5869, HKDF with SHA-256): what is made with one
 * of them says nothing about the others.
 */
export function deriveKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `starling identity: ${purpose}`, KEY_BYTES));
}
