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

/** A pod's connected participants of one conversation. Its events are walked one after another. */
export class Room {
  readonly occupants = new Map<string, Occupant>();
  readonly #queue: Delivery[] = [];
  #walking = false;

  get empty(): boolean {
    return this.occupants.size === 0 && !this.#walking;
  }

  deliver(delivery: Delivery): void {
    if (!this.#walking && this.occupants.size <= CHUNK) {
      for (const occupant of this.occupants.values()) deliverTo(occupant, delivery);
      delivery.done();
      return;
    }
    this.#queue.push(delivery);
    if (!this.#walking) void this.#walk();
  }

  async #walk(): Promise<void> {
    this.#walking = true;
    for (let delivery = this.#queue.shift(); delivery; delivery = this.#queue.shift()) {
      let visited = 0;
      for (const occupant of this.occupants.values()) {
        deliverTo(occupant, delivery);
        if (++visited % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      delivery.done();
    }
    this.#walking = false;
  }
}

function deliverTo({ participation, connections }: Occupant, delivery: Delivery): void {
  if (!mayReceive(participation, delivery.position)) return;
  for (const connection of connections) deliverToConnection(connection, delivery);
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
