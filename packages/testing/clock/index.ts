/** Where code that depends on time gets it from. */
export interface Clock {
  /** milliseconds since the epoch */
  now(): number;
}

/** A clock that stands still until it is advanced. */
export class FakeClock implements Clock {
  #now: number;

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
