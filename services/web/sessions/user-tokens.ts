import { createHash } from 'node:crypto';
import type { Client } from '@connectrpc/connect';
import type { SessionsService } from '@starling/contracts/rpc';
import type { Clock } from '@starling/platform/clock';
import { type Gate, TokenRefused, type UserIdentity } from '@starling/platform/tokens';
import { LRUCache } from 'lru-cache';
import { askIdentity } from './ask-identity.ts';
import { verifyMinted } from './keys-differ.ts';

/** A token is replaced while it still outlives whatever the call that carries it sets in motion. */
const MARGIN_MS = 60_000;
const SESSIONS = 10_000;

/**
 * The user tokens of browser sessions, minted by identity and kept until shortly before they expire. All methods throw
 * a ProblemError: `unauthenticated` when the session has ended.
 */
export class UserTokens {
  readonly #sessions: Client<typeof SessionsService>;
  readonly #gate: Gate;
  readonly #clock: Clock;
  /** By hash: a dump of this process's memory should not be a list of sessions. Promises, so that a burst mints once. */
  readonly #held = new LRUCache<string, Promise<UserIdentity>>({ max: SESSIONS });

  constructor(options: { sessions: Client<typeof SessionsService>; gate: Gate; clock: Clock }) {
    this.#sessions = options.sessions;
    this.#gate = options.gate;
    this.#clock = options.clock;
  }

  /**
   * A token that lives a minute yet, and that the gate takes at this moment. Whether one that was revoked can have a
   * successor is for identity to say.
   */
  async forSession(session: string): Promise<UserIdentity> {
    const key = keyOf(session);
    const held = this.#held.get(key);
    if (!held) return this.renew(session);
    const identity = await this.#check(await held);
    // Someone else may have renewed it, or logged out, in the meantime.
    if (this.#held.get(key) !== held) return this.forSession(session);
    return identity ?? this.renew(session);
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

  async #check({ token, expiresAt }: UserIdentity): Promise<UserIdentity | undefined> {
    if (expiresAt - this.#clock.now() <= MARGIN_MS) return undefined;
    try {
      return await this.#gate.verifyUserToken(token);
    } catch (error) {
      if (error instanceof TokenRefused) return undefined;
      throw error;
    }
  }

  async #mint(session: string): Promise<UserIdentity> {
    const { token } = await askIdentity(() => this.#sessions.mintToken({ session }));
    return verifyMinted(this.#gate, token);
  }
}

function keyOf(session: string): string {
  return createHash('sha256').update(session).digest('base64url');
}
