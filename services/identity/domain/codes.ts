import { createHmac, timingSafeEqual } from 'node:crypto';

const DIGITS = 6;

/**
 * The six digits that belong to a code's id. They are stored nowhere: who has the database, but not the key, cannot
 * tell them, and they can be told again to send them a second time.
 */
export function deriveCode(key: Buffer, id: string): string {
  // 64 bits modulo a million: no code is more likely than another by more than one part in 10^13.
  const number = createHmac('sha256', key).update(id).digest().readBigUInt64BE() % 10n ** BigInt(DIGITS);
  return number.toString().padStart(DIGITS, '0');
}

/** Whether the code is the one of this id; the time it takes says nothing of where they differ. */
export function isCodeOf(key: Buffer, id: string, code: string): boolean {
  return /^\d{6}$/.test(code) && timingSafeEqual(Buffer.from(deriveCode(key, id)), Buffer.from(code));
}
