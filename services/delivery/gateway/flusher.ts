import type { Connection } from './connection.ts';
import { FrameJoiner } from './frame-joiner.ts';

/** Flushes connections that got frames, all of them once at the end of the turn of the event loop. */
export class Flusher {
  #due: Connection[] = [];

  readonly request = (connection: Connection): void => {
    if (this.#due.push(connection) === 1) setImmediate(() => this.#flush());
  };

  #flush(): void {
    const due = this.#due;
    this.#due = [];
    const { join } = new FrameJoiner();
    for (const connection of due) connection.flush(join);
  }
}
