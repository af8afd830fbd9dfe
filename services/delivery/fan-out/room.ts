import { mayReceive, type Participation, type Topic } from '@starling/contracts/log';
import type { Connection } from '../gateway/connection.ts';

/** A user of a room: what they may receive, and the sockets on which they are here. */
export interface Occupant {
  participation: Participation;
  connections: Set<Connection>;
}

/** One event on its way through a room. */
export interface Delivery {
  topic: Topic;
  partition: number;
  offset: number;
  position: number;
  frame: Buffer;
  /** Called when the walk is finished. */
  done(): void;
}

/** So many users are visited before other work gets a turn. */
const CHUNK = 500;
/** So many events are brought to each of them on one walk. */
const EVENTS = 100;

/**
 * A pod's connected participants of one conversation. Events that come while a large room is walked wait, and are then
 * brought to everyone on one walk, so that each socket gets them in one write.
 */
export class Room {
  readonly occupants = new Map<string, Occupant>();
  readonly #queue: Delivery[] = [];
  #walking = false;

  get empty(): boolean {
    return this.occupants.size === 0 && !this.#walking;
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
      const deliveries = this.#queue.splice(0, EVENTS);
      let visited = 0;
      for (const occupant of this.occupants.values()) {
        deliverTo(occupant, deliveries);
        if (++visited % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (const { done } of deliveries) done();
    }
    this.#walking = false;
  }
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
