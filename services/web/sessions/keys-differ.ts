import { ProblemError } from '@starling/platform/http';
import { type Gate, TokenRefused, type UserIdentity } from '@starling/platform/tokens';

/** Twice this is longer than services take to read keys that were replaced; a client tries three times. */
const RETRY_SECONDS = 3;

/** One of our services does not know the key of another: it, or the other, has yet to read keys that were replaced. */
export function keysDiffer(): ProblemError {
  return new ProblemError('unavailable', { retryAfter: RETRY_SECONDS });
}

/** The identity of a token that identity has just minted. Throws the problem `unavailable` when the gate does not take it. */
export async function verifyMinted(gate: Gate, token: string): Promise<UserIdentity> {
  try {
    return await gate.verifyUserToken(token);
  } catch (error) {
    throw error instanceof TokenRefused ? keysDiffer() : error;
  }
}
