import { type Participation, partitionOf, reduceParticipation } from '@starling/contracts/log';
import { LRUCache } from 'lru-cache';
import { type Occupant, Room } from '../fan-out/room.ts';
import type { Connection } from '../gateway/connection.ts';
import type { RingEntry } from '../ring/ring.ts';
import type { Partition } from '../tail/partition.ts';
import { participantsIn } from './facts.ts';

/** A user's participations and the next offsets, per partition, at which they hold. */
export interface LoadedParticipations {
  at: number[];
  participations: { conversation: string; user: string; participation: Participation }[];
}

/** How participations are asked for. */
export interface ParticipationSource {
  loadMany(users: string[]): Promise<LoadedParticipations>;
  loadOne(conversation: string, user: string): Promise<{ at: number; participation: Participation | undefined }>;
}

/** What was loaded is older than what this pod remembers: the projection must catch up first. */
export class BehindError extends Error {
  override name = 'BehindError';
}

/** A user with sockets on this pod, and where they take part. */
export interface Member {
  readonly user: string;
  /** Live sockets; every occupancy shares this set. */
  readonly connections: Set<Connection>;
  readonly occupancies: Map<string, Occupant>;
  holders: number;
}

const BATCH = 500;
const AUTHORS = 10_000;

/**
 * Who takes part where, for the users of this pod: loaded from `conversation`, in batches, as it holds at some place
 * of the log, and from there on kept by the log itself.
 */
export class Members {
  readonly #source: ParticipationSource;
  readonly #partitions: () => readonly Partition[];
  readonly #members = new Map<string, Member>();
  readonly #loading = new Map<string, Promise<void>>();
  readonly #rooms = new Map<string, Room>();
  /** Participations of those who post without a socket here, by conversation and user. */
  readonly #authors = new LRUCache<string, { participation: Participation | undefined }>({ max: AUTHORS });
  #batch: { user: string; resolve(): void; reject(error: unknown): void }[] = [];

  constructor(source: ParticipationSource, partitions: () => readonly Partition[]) {
    this.#source = source;
    this.#partitions = partitions;
  }

  room(conversation: string): Room | undefined {
    return this.#rooms.get(conversation);
  }

  /** The member, if one of their sockets is here. */
  find(user: string): Member | undefined {
    return this.#members.get(user);
  }

  /** Loads the user, or joins a load under way; to be given back by {@link release}. Throws {@link BehindError}. */
  async hold(user: string): Promise<Member> {
    for (;;) {
      const member = this.#members.get(user);
      if (member) {
        member.holders++;
        return member;
      }
      const loading = this.#loading.get(user) ?? this.#load(user).finally(() => this.#loading.delete(user));
      this.#loading.set(user, loading);
      await loading;
    }
  }

  release(member: Member): void {
    member.holders--;
    if (member.holders > 0 || this.#members.get(member.user) !== member) return;
    this.#members.delete(member.user);
    for (const conversation of member.occupancies.keys()) this.#leaveRoom(conversation, member.user);
  }

  /** Whether the user takes part at the place to which the pod has read; undefined: not known, see {@link prepare}. */
  allows(conversation: string, user: string): boolean | undefined {
    const member = this.#members.get(user);
    if (member) return isOpen(member.occupancies.get(conversation)?.participation);
    const author = this.#authors.get(authorName(conversation, user));
    return author && isOpen(author.participation);
  }

  /**
   * Loads what `allows` needs for someone without a socket here; of one with a socket it only makes sure. Throws
   * {@link BehindError}, also while a command that adds the user has not come back from the log.
   */
  async prepare(conversation: string, user: string): Promise<void> {
    const { at, participation: loaded } = await this.#source.loadOne(conversation, user);
    const partition = this.#partitionOf(conversation);
    if (at < partition.ring.start) throw new BehindError('the projection is behind the ring');
    let participation = loaded;
    for (const { record, position } of partition.ring.since(at)) {
      if (record.key !== conversation) continue;
      for (const state of participantsIn(record))
        if (state.user === user) participation = reduceParticipation(participation, state, position);
    }
    this.#authors.set(authorName(conversation, user), { participation });
  }

  /** Takes in what a fact says of its participants, before it is delivered. */
  apply({ record, position }: RingEntry): void {
    for (const state of participantsIn(record)) {
      const author = this.#authors.get(authorName(record.key, state.user));
      if (author) author.participation = reduceParticipation(author.participation, state, position);
      const member = this.#members.get(state.user);
      if (!member) continue;
      const before = member.occupancies.get(record.key);
      const participation = reduceParticipation(before?.participation, state, position);
      if (participation.spans.length > 0) this.#occupy(member, record.key, participation);
    }
  }

  /** After the delivery of a record: those who do not take part any more leave the room. */
  dismiss({ record }: RingEntry): void {
    const room = this.#rooms.get(record.key);
    if (!room) return;
    for (const { user } of participantsIn(record)) {
      if (!isOpen(room.occupants.get(user)?.participation)) this.#leaveRoom(record.key, user);
    }
  }

  /** Forgets everything; used when the log broke off. Sockets are closed by the caller. */
  clear(): void {
    this.#members.clear();
    this.#rooms.clear();
    this.#authors.clear();
  }

  #load(user: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#batch.push({ user, resolve, reject }) === 1) setImmediate(() => void this.#loadBatches());
    });
  }

  async #loadBatches(): Promise<void> {
    const waiting = this.#batch;
    this.#batch = [];
    for (let first = 0; first < waiting.length; first += BATCH) {
      const batch = waiting.slice(first, first + BATCH);
      try {
        const loaded = await this.#source.loadMany(batch.map(({ user }) => user));
        const partitions = this.#partitions();
        if (partitions.some((partition, index) => (loaded.at[index] ?? 0) < partition.ring.start))
          throw new BehindError('the projection is behind the ring');
        const byUser = Map.groupBy(loaded.participations, ({ user }) => user);
        const later = partitions.flatMap((partition, index) => partition.ring.since(loaded.at[index] ?? 0));
        // Admitted in the turn in which the ring was read, so that no fact falls in between.
        for (const { user, resolve } of batch) {
          this.#admit(buildMember(user, byUser.get(user) ?? [], later));
          resolve();
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  /** From here on the log's facts reach the member. */
  #admit(member: Member): void {
    this.#members.set(member.user, member);
    for (const [conversation, { participation }] of member.occupancies) this.#occupy(member, conversation, participation);
  }

  #occupy(member: Member, conversation: string, participation: Participation): void {
    const occupant: Occupant = member.occupancies.get(conversation) ?? { participation, connections: member.connections };
    occupant.participation = participation;
    member.occupancies.set(conversation, occupant);
    let room = this.#rooms.get(conversation);
    if (!room) {
      room = new Room(() => this.#dropIfEmpty(conversation));
      this.#rooms.set(conversation, room);
    }
    room.occupants.set(member.user, occupant);
  }

  #leaveRoom(conversation: string, user: string): void {
    const room = this.#rooms.get(conversation);
    room?.occupants.delete(user);
    this.#dropIfEmpty(conversation);
  }

  #dropIfEmpty(conversation: string): void {
    if (this.#rooms.get(conversation)?.empty) this.#rooms.delete(conversation);
  }

  #partitionOf(conversation: string): Partition {
    const partitions = this.#partitions();
    const partition = partitions[partitionOf(conversation, partitions.length)];
    if (!partition) throw new Error('the pod has not started');
    return partition;
  }
}

function buildMember(user: string, loaded: LoadedParticipations['participations'], later: RingEntry[]): Member {
  const connections = new Set<Connection>();
  const occupancies = new Map<string, Occupant>(
    loaded.map(({ conversation, participation }) => [conversation, { participation, connections }]),
  );
  for (const { record, position } of later) {
    for (const state of participantsIn(record)) {
      if (state.user !== user) continue;
      const participation = reduceParticipation(occupancies.get(record.key)?.participation, state, position);
      occupancies.set(record.key, { participation, connections });
    }
  }
  return { user, connections, occupancies, holders: 0 };
}

function isOpen(participation: Participation | undefined): boolean {
  return participation?.spans.at(-1)?.to === null;
}

function authorName(conversation: string, user: string): string {
  return `${conversation} ${user}`;
}
