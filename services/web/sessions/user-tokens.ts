import { createHash } from 'node:crypto';
import { type Client, Code } from '@connectrpc/connect';
import type { IdentityService } from '@starling/contracts/rpc';
import type { Clock } from '@starling/platform/clock';
import type { Gate, UserIdentity } from '@starling/platform/tokens';
import { LRUCache } from 'lru-cache';
import { askIdentity } from './ask-identity.ts';

/** A token is replaced while it still outlives whatever the call that carries it sets in motion. */
const MARGIN_MS = 60_000;
const SESSIONS = 10_000;

/**
 * The user tokens of browser sessions, minted by identity and kept until shortly before they expire. All methods throw
 * a ProblemError: `unauthenticated` when the session has ended.
 */
export class UserTokens {
  readonly #identity: Client<typeof IdentityService>;
  readonly #gate: Gate;
  readonly #clock: Clock;
  /** By hash: a dump of this process's memory should not be a list of sessions. Promises, so that a burst mints once. */
  readonly #held = new LRUCache<string, Promise<UserIdentity>>({ max: SESSIONS });

  constructor(options: { identity: Client<typeof IdentityService>; gate: Gate; clock: Clock }) {
    this.#identity = options.identity;
    this.#gate = options.gate;
    this.#clock = options.clock;
  }

  /** A token that lives a minute yet. The session may have ended elsewhere within the token's life. */
  async forSession(session: string): Promise<UserIdentity> {
    const key = keyOf(session);
    const held = this.#held.get(key);
    if (!held) return this.renew(session);
    const identity = await held;
    if (identity.expiresAt - this.#clock.now() > MARGIN_MS && this.#held.get(key) === held) return identity;
    // Someone else may have renewed it, or logged out, in the meantime.
    return this.#held.get(key) === held ? this.renew(session) : this.forSession(session);
  }

  /** Asks identity, whatever is held: the session is alive at this moment, and this is a use of it. */
  renew(session: string): Promise<UserIdentity> {
    const key = keyOf(session);
    const minting = this.#mint(session);
    this.#held.set(key, minting);
    minting.catch(() => {
      if (this.#held.get(key) === minting) this.#held.delete(key);
    });
    return minting;
  }

  /** The session has ended: from now on identity is asked, and refuses. */
  forget(session: string): void {
    this.#held.delete(keyOf(session));
  }

  async #mint(session: string): Promise<UserIdentity> {
    const { token } = await askIdentity({ [Code.NotFound]: 'unauthenticated' }, () => this.#identity.mintToken({ session }));
    return this.#gate.verifyUserToken(token);
  }
}

function keyOf(session: string): string {
  return createHash('sha256').update(session).digest('base64url');
}
