import { type CursorTopic, mayReceive, type Participation } from '@starling/contracts/log';
import type { Connection } from '../gateway/connection.ts';

/** A user of a room: what they may receive, and the sockets on which they are here. */
export interface Occupant {
  participation: Participation;
  connections: Set<Connection>;
}

/** One event on its way through a room. */
export interface Delivery {
  topic: CursorTopic;
  partition: number;
  offset: number;
  position: number;
  frame: Buffer;
  /** Called when the walk is finished. */
  done(): void;
}

/** So many users are visited before other work gets a turn. */
const CHUNK = 500;
/** A walk brings so many bytes, or one event, to each of them. */
const WALK_BYTES = 256 * 1024;

/**
 * A pod's connected participants of one conversation. Events that come while a large room is walked wait, and are then
 * brought to everyone on one walk, so that each socket gets them in one write.
 */
export class Room {
  readonly occupants = new Map<string, Occupant>();
  readonly #queue: Delivery[] = [];
  readonly #onIdle: () => void;
  #walking = false;

  /** @param onIdle called when a long walk has ended: nobody may be left. */
  constructor(onIdle: () => void = () => {}) {
    this.#onIdle = onIdle;
  }

  /** Nobody is here. A walk under way ends by itself, and brings nothing to whoever comes later: they have it by their replay. */
  get empty(): boolean {
    return this.occupants.size === 0;
  }

  /** How many sockets of this room what stands at `position` is for. */
  countSockets(position: number): number {
    let count = 0;
    for (const { participation, connections } of this.occupants.values())
      if (mayReceive(participation, position)) count += connections.size;
    return count;
  }

  deliver(delivery: Delivery): void {
    if (!this.#walking && this.occupants.size <= CHUNK) {
      const deliveries = [delivery];
      for (const occupant of this.occupants.values()) deliverTo(occupant, deliveries);
      delivery.done();
      return;
    }
    this.#queue.push(delivery);
    if (this.#walking) return;
    this.#walking = true;
    // What the tail read together comes in this turn, and starts on one walk.
    queueMicrotask(() => void this.#walk());
  }

  async #walk(): Promise<void> {
    while (this.#queue.length > 0) {
      const deliveries = this.#queue.splice(0, countWithin(this.#queue, WALK_BYTES));
      const joined = Buffer.concat(deliveries.map(({ frame }) => frame));
      let visited = 0;
      for (const occupant of this.occupants.values()) {
        if (!deliverJoined(occupant, deliveries, joined)) deliverTo(occupant, deliveries);
        if (++visited % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (const { done } of deliveries) done();
    }
    this.#walking = false;
    this.#onIdle();
  }
}

/** How many deliveries from the first on make up to `bytes`; at least one. */
function countWithin(deliveries: Delivery[], bytes: number): number {
  let count = 0;
  for (let total = 0; count < deliveries.length; count++) {
    total += deliveries[count]?.frame.length ?? 0;
    if (total > bytes) break;
  }
  return Math.max(1, count);
}

/** The common case: who has been a participant since before the first event, on live sockets, gets all of them as one buffer. */
function deliverJoined({ participation, connections }: Occupant, [first]: Delivery[], joined: Buffer): boolean {
  const last = participation.spans.at(-1);
  if (!first || last?.to !== null || last.from > first.position) return false;
  for (const connection of connections) if (connection.liveFrom) return false;
  for (const connection of connections) {
    connection.push(joined);
    connection.cursorDue = true;
  }
  return true;
}

function deliverTo({ participation, connections }: Occupant, deliveries: Delivery[]): void {
  for (const delivery of deliveries) {
    if (!mayReceive(participation, delivery.position)) continue;
    for (const connection of connections) deliverToConnection(connection, delivery);
  }
}

/** A socket that became live while the walk was under way got the event by its replay. */
export function deliverToConnection(
  connection: Connection,
  { topic, partition, offset, frame }: Omit<Delivery, 'done' | 'position'>,
): void {
  const liveFrom = connection.liveFrom?.[topic][partition];
  if (liveFrom !== undefined && offset < liveFrom) return;
  connection.push(frame);
  connection.cursorDue = true;
}
