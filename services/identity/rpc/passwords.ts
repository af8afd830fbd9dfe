import { hashPassword, verifyPassword } from '../domain/password.ts';
import { type PasswordTurns, TooManyWaiting } from '../domain/password-turns.ts';
import { refuse } from './refuse.ts';

const RETRY_AFTER_SECONDS = 2;
/** Shorter than callers have patience, so that they are told to come again and not that the service does not answer. */
const WAIT_MS = 3_000;

/** Behind whom to wait, by address and account. */
export interface Line {
  keys: readonly [string, ...string[]];
  /** Of who has logged in before: strangers wait elsewhere. */
  known: boolean;
}

/**
 * Hashing, which is costly, when its turn comes. `keys` say behind whom to wait: the caller's address, if it is
 * known, and the account. Throws refuse('rate-limited') when too many wait, and the signal's reason when that aborts first.
 */
export interface Passwords {
  hashInTurn(keys: Line['keys'], signal: AbortSignal, password: string): Promise<string>;
  /** Whether the password fits; without a hash false, after the same time. */
  verifyInTurn(line: Line, signal: AbortSignal, password: string, hash: string | undefined): Promise<boolean>;
}

export function createPasswords(turns: { known: PasswordTurns; strangers: PasswordTurns }): Passwords {
  // Of a password that nobody has: what there is to verify for an account that does not exist.
  let nobodys: Promise<string> | undefined;

  return {
    hashInTurn: (keys, signal, password) => inTurn(turns.strangers, keys, signal, () => hashPassword(password)),

    async verifyInTurn({ keys, known }, signal, password, hash) {
      nobodys ??= hashPassword(crypto.randomUUID());
      const against = hash ?? (await nobodys);
      const fits = await inTurn(known ? turns.known : turns.strangers, keys, signal, () => verifyPassword(password, against));
      return hash !== undefined && fits;
    },
  };
}

/** Runs the work when its turn comes. Throws refuse('rate-limited') when too many wait, or it has waited for 3 s. */
export async function inTurn<T>(turns: PasswordTurns, keys: Line['keys'], signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const patience = AbortSignal.timeout(WAIT_MS);
  try {
    return await turns.take(keys, AbortSignal.any([signal, patience]), work);
  } catch (error) {
    if (error instanceof TooManyWaiting || error === patience.reason) throw refuse('rate-limited', { retryAfter: RETRY_AFTER_SECONDS });
    throw error;
  }
}
