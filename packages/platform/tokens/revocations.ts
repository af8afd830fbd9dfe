import type { UserUpdated } from '@starling/contracts/events';
import { followsNewerRules, parseHeaders } from '@starling/contracts/log';
import type { Clock } from '../clock/index.ts';
import { decodeEvent } from '../events/index.ts';
import type { EventLog, Hole, LogRecord, TailSubscription } from '../log/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { LEEWAY_SECONDS, type UserIdentity } from './gate.ts';
import { USER_TOKEN_SECONDS } from './minter.ts';
import { TokenRefused } from './token-refused.ts';

const LEEWAY_MS = LEEWAY_SECONDS * 1000;
/** A fact concerns tokens that were minted before it, which live no longer than this. Once more for clocks that differ. */
const CONCERNS_MS = USER_TOKEN_SECONDS * 1000 + 2 * LEEWAY_MS;
const RETRY_MS = 1_000;

/** A session that has ended, or without `session` a user all of whose sessions have. */
export interface Revoked {
  user: string;
  session?: string | undefined;
}

interface Account extends UserUpdated {
  /** When the fact was written, ms. */
  at: number;
  /** When the account was last disabled, ms. */
  disabledAt: number | undefined;
}

/**
 * What the log says of sessions that ended and accounts that changed, for as long as tokens from before may live. One
 * for each process; every gate of the process asks it at every verification. When the log stalls, it goes on with what
 * it has read: a token then counts to its expiry, and identity, which goes by its own tables, mints no new one.
 */
export class Revocations {
  readonly #options: { log: EventLog; clock: Clock; logger: Logger };
  /** Session id → when the fact was written, ms; the oldest first. */
  readonly #sessions = new Map<string, number>();
  /** The last fact of each user; the oldest first. */
  readonly #accounts = new Map<string, Account>();
  readonly #listeners = new Set<(revoked: Revoked) => void>();
  readonly #replayed = Promise.withResolvers<void>();
  #missing: number[] = [];
  #ready = false;
  #halted: string | undefined;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #tail: TailSubscription | undefined;

  constructor(options: { log: EventLog; clock: Clock; logger: Logger }) {
    this.#options = options;
  }

  /** Begins to read; while the log does not answer, it is asked again. Resolves when what concerns living tokens has been read. */
  start(): Promise<void> {
    void this.#begin();
    return this.#replayed.promise;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#replayed.resolve();
    await this.#tail?.stop();
  }

  /** Why its process should get no work, in a few words each. */
  unready(): string[] {
    return [...(this.#ready ? [] : ['ended sessions are being read']), ...(this.#halted === undefined ? [] : [this.#halted])];
  }

  /** Tells of every session that ends from now on. Returns how to stop. */
  onRevoked(listener: (revoked: Revoked) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * The identity of a token that is valid by itself, with the role that its user has by now.
   *
   * @throws TokenRefused when its session has ended, or its user is disabled.
   */
  judge(identity: UserIdentity): UserIdentity {
    if (this.#sessions.has(identity.session)) throw new TokenRefused('the session has ended');
    const account = this.#accounts.get(identity.user);
    if (!account) return identity;
    if (account.disabled) throw new TokenRefused('the user is disabled');
    // Enabled again since: what was minted before is not good again. The log's clock and identity's may differ.
    if (account.disabledAt !== undefined && identity.issuedAt + LEEWAY_MS < account.disabledAt)
      throw new TokenRefused('the user was disabled since');
    return account.at + LEEWAY_MS >= identity.issuedAt && account.role !== identity.role ? { ...identity, role: account.role } : identity;
  }

  async #begin(): Promise<void> {
    const { log, clock, logger } = this.#options;
    try {
      // The ends first: what is between them and the tail's start is read by the tail.
      const ends = await log.endOffsets('users');
      const from = await log.offsetsAt('users', clock.now() - CONCERNS_MS);
      if (this.#stopped) return;
      this.#missing = ends.map((end, partition) => Math.max(0, end - (from[partition] ?? end)));
      this.#checkReplayed();
      this.#tail = log.tail({
        topic: 'users',
        from,
        onRecords: (partition, records) => this.#take(partition, records),
        onHole: (partition, hole) => this.#skip(partition, hole),
      });
    } catch (error) {
      logger.warn({ reason: (error as Error).message }, 'ended sessions cannot be read; it is tried again');
      if (!this.#stopped) this.#retry = setTimeout(() => void this.#begin(), RETRY_MS);
    }
  }

  #take(partition: number, records: LogRecord[]): void {
    for (const record of records) if (this.#halted === undefined) this.#takeOne(record);
    this.#count(partition, records.length);
    this.#forget();
  }

  #takeOne({ headers, value, key, at, offset, partition }: LogRecord): void {
    if (followsNewerRules(headers)) {
      this.#halted = `partition ${partition} of users: offset ${offset} follows newer rules than this version knows`;
      this.#options.logger.fatal({ reason: this.#halted }, 'ended sessions are not followed any more');
      return;
    }
    const kind = parseHeaders(headers)?.kind;
    if (kind === 'session.revoked') {
      const fact = decodeEvent(kind, value);
      if (fact?.user === key) this.#revoke(fact.user, fact.session, at);
    } else if (kind === 'user.updated') {
      const fact = decodeEvent(kind, value);
      if (fact?.user === key) this.#update(fact, at);
    }
  }

  #revoke(user: string, session: string, at: number): void {
    this.#sessions.delete(session);
    this.#sessions.set(session, at);
    this.#tell({ user, session });
  }

  #update(fact: UserUpdated, at: number): void {
    const held = this.#accounts.get(fact.user);
    // A fact may come twice.
    if (held && held.rev >= fact.rev) return;
    this.#accounts.delete(fact.user);
    this.#accounts.set(fact.user, { ...fact, at, disabledAt: fact.disabled ? at : held?.disabledAt });
    if (fact.disabled) this.#tell({ user: fact.user });
  }

  #tell(revoked: Revoked): void {
    for (const listener of this.#listeners) listener(revoked);
  }

  /** Lets go of what no living token is concerned by. */
  #forget(): void {
    const before = this.#options.clock.now() - CONCERNS_MS;
    for (const [session, at] of this.#sessions) {
      if (at >= before) break;
      this.#sessions.delete(session);
    }
    for (const [user, { at }] of this.#accounts) {
      if (at >= before) break;
      this.#accounts.delete(user);
    }
  }

  /** Records that retention took, or that the log lost, are not to be had; tokens from before die by themselves. */
  #skip(partition: number, { is, expected, low, end }: Hole): number {
    this.#options.logger.warn({ partition, is, expected, low, end }, 'facts of ended sessions are missing in the log');
    const next = is === 'gone' ? low : end;
    this.#count(partition, Math.max(next - expected, is === 'lost' ? Number.POSITIVE_INFINITY : 0));
    return next;
  }

  #count(partition: number, read: number): void {
    if (this.#ready) return;
    this.#missing[partition] = (this.#missing[partition] ?? 0) - read;
    this.#checkReplayed();
  }

  #checkReplayed(): void {
    if (this.#ready || this.#missing.some((missing) => missing > 0)) return;
    this.#ready = true;
    this.#replayed.resolve();
  }
}
