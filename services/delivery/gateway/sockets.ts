import type { Connection } from './connection.ts';
import type { SocketSession } from './socket-session.ts';

/** A socket that this pod holds. */
export interface HeldSocket {
  readonly user: string;
  readonly connection: Connection;
  readonly session: SocketSession;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** Tabs and devices of one user on one pod. */
const PER_USER = 50;
/** Whoever was asked to connect anew and is still here is not asked again for so long, ms: it does not know how, or cannot. */
const ASK_AGAIN_MS = 60_000;
/** A client may be so much later than it was asked to be, ms. */
const LATE_MS = 2_000;

/** The sockets of a pod: all of them, and by user. */
export class Sockets {
  readonly #held = new Map<Connection, HeldSocket>();
  readonly #byUser = new Map<string, Set<HeldSocket>>();
  /** When each was asked to connect anew, and until when it is expected to leave; the clock of the caller, ms. */
  readonly #asked = new Map<Connection, { at: number; until: number }>();

  get count(): number {
    return this.#held.size;
  }

  [Symbol.iterator](): IterableIterator<HeldSocket> {
    return this.#held.values();
  }

  *ofUser(user: string): Iterable<HeldSocket> {
    yield* this.#byUser.get(user) ?? [];
  }

  /** Whether the user may have another one here. */
  hasRoomFor(user: string): boolean {
    return (this.#byUser.get(user)?.size ?? 0) < PER_USER;
  }

  add(socket: HeldSocket): void {
    this.#held.set(socket.connection, socket);
    const others = this.#byUser.get(socket.user);
    if (others) others.add(socket);
    else this.#byUser.set(socket.user, new Set([socket]));
  }

  remove(socket: HeldSocket): void {
    this.#held.delete(socket.connection);
    this.#asked.delete(socket.connection);
    const others = this.#byUser.get(socket.user);
    others?.delete(socket);
    if (others?.size === 0) this.#byUser.delete(socket.user);
  }

  /** How many were asked to connect anew, and may still be about to. */
  countLeaving(now: number): number {
    let count = 0;
    for (const { until } of this.#asked.values()) if (now < until) count++;
    return count;
  }

  /** Asks the oldest that are live to connect anew within `withinMs`, at most `count` of them; returns how many were asked. */
  askToReconnect(count: number, withinMs: number, now: number): number {
    let asked = 0;
    for (const { connection } of this.#held.values()) {
      if (asked >= count) break;
      const before = this.#asked.get(connection)?.at;
      if (!connection.live || (before !== undefined && now - before < ASK_AGAIN_MS)) continue;
      connection.send({ type: 'reconnect', withinMs });
      this.#asked.set(connection, { at: now, until: now + withinMs + LATE_MS });
      asked++;
    }
    return asked;
  }
}
