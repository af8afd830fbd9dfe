import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createOTP } from '@better-auth/utils/otp';

/** RFC 6238's default, which is all that authenticator apps agree on; so are SHA-1 and six digits. */
const STEP_MS = 30_000;
const DIGITS = 6;
/** Steps before and after the present one: clocks differ, and typing takes time (RFC 6238 §5.2). */
const WINDOW = 1;
/** As long as the HMAC's own output (RFC 4226 §4, R6). */
const SECRET_BYTES = 20;

/** A new secret, as a text: an authenticator is given its characters in base32. */
export function createTotpSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** What an authenticator app is given: the secret in base32, and the address that a QR code holds. */
export function describeTotp(secret: string, account: string): { secret: string; uri: string } {
  const uri = createOTP(secret, { digits: DIGITS, period: STEP_MS / 1000 }).url('Starling', account);
  return { secret: new URL(uri).searchParams.get('secret') ?? '', uri };
}

/**
 * The step of time (since 1970) whose code this is, near `now` (ms) and after `lastStep`; undefined if there is none.
 * Who keeps the step as the next `lastStep` accepts each code once, and none from before it.
 */
export async function findTotpStep(secret: string, code: string, now: number, lastStep: number): Promise<number | undefined> {
  if (!/^\d{6}$/.test(code)) return undefined;
  const present = Math.floor(now / STEP_MS);
  const otp = createOTP(secret, { digits: DIGITS });
  let found: number | undefined;
  // All are compared, whichever fits, so that the time it takes says nothing.
  for (let step = present - WINDOW; step <= present + WINDOW; step++) {
    const fits = timingSafeEqual(Buffer.from(await otp.hotp(step)), Buffer.from(code));
    // The latest of two that happen to have the same code, or it would be accepted twice.
    if (fits && step > lastStep) found = step;
  }
  return found;
}
