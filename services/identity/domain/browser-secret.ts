import { seal, unseal } from './sealed.ts';

/** What a browser's secret was made from. `bytes` are the same however the text was written. */
export interface Opened<T> {
  value: T;
  expiresAt: number;
  bytes: Buffer;
}

/**
 * A secret that a browser keeps for the server: nobody else can read or change what is in it. It can come back more than
 * once, so that who takes it must remember that it did. `purpose` tells kinds apart; `expiresAt` is in ms.
 */
export function createBrowserSecret(key: Buffer, purpose: string, value: object, expiresAt: number): string {
  return seal(key, JSON.stringify({ value, expiresAt }), purpose).toString('base64url');
}

/** Undefined for one that expired, and for all that was not made here for this purpose. */
export function openBrowserSecret<T>(key: Buffer, purpose: string, secret: string, now: number): Opened<T> | undefined {
  const bytes = Buffer.from(secret, 'base64url');
  const text = unseal(key, bytes, purpose);
  if (text === undefined) return undefined;
  const { value, expiresAt } = JSON.parse(text) as { value: T; expiresAt: number };
  return now < expiresAt ? { value, expiresAt, bytes } : undefined;
}
