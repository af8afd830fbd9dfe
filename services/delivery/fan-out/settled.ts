/**
 * How far one partition has been delivered: every walk over a room for a record below `settled` is finished and its
 * frames are in the connections' buffers. Walks of different rooms may end in any order.
 */
export class Settled {
  /** Offsets of unfinished walks; they begin in ascending order, so the first is the lowest. */
  readonly #walking = new Set<number>();
  #next: number;

  constructor(next: number) {
    this.#next = next;
  }

  get offset(): number {
    for (const lowest of this.#walking) return lowest;
    return this.#next;
  }

  begin(offset: number): void {
    this.#walking.add(offset);
  }

  end(offset: number): void {
    this.#walking.delete(offset);
  }

  /** Every record before `next` has been taken in and its walk, if it needs one, begun. */
  advance(next: number): void {
    this.#next = next;
  }
}
