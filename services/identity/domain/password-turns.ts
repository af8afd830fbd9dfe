/** Too many are waiting, and this one is of those who crowd. */
export class TooManyWaiting extends Error {
  override name = 'TooManyWaiting';
}

interface Waiting {
  begin(): void;
  refuse(error: Error): void;
}

/**
 * Lets a few pieces of work run at a time and a bounded number wait. Work that is costly and that anybody can ask for
 * takes its turn before it takes a connection or memory. Those who wait stand in lines that take turns: who comes with
 * several keys (an address, an account) stands in the line of the one that most others have, so that a flood waits behind
 * itself, whichever of them it has in common. When too many wait, the last of the longest line has to go.
 */
export class PasswordTurns {
  readonly #atOnce: number;
  readonly #waitingAtMost: number;
  /** In the order in which the lines are served next; no line is empty. */
  readonly #lines = new Map<string, Waiting[]>();
  /** How many wait or run with each key. */
  readonly #present = new Map<string, number>();
  #waiting = 0;
  #running = 0;

  constructor(options: { atOnce: number; waitingAtMost: number }) {
    this.#atOnce = options.atOnce;
    this.#waitingAtMost = options.waitingAtMost;
  }

  /** Runs `work` when its turn comes. Throws {@link TooManyWaiting}, and the signal's reason if that aborts first. */
  async take<T>(keys: readonly [string, ...string[]], signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const line = keys.reduce((most, key) => (this.#count(key) > this.#count(most) ? key : most));
    for (const key of keys) this.#present.set(key, this.#count(key) + 1);
    try {
      return await this.#inLine(line, signal, work);
    } finally {
      for (const key of keys) {
        const left = this.#count(key) - 1;
        if (left > 0) this.#present.set(key, left);
        else this.#present.delete(key);
      }
    }
  }

  #count(key: string): number {
    return this.#present.get(key) ?? 0;
  }

  async #inLine<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) await this.#wait(key, signal);
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#next();
      // The turn is handed on: nobody who comes now can take it from the one who waits.
      if (next) next.begin();
      else this.#running--;
    }
  }

  #wait(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting >= this.#waitingAtMost) this.#makeRoom(key);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#remove(key, waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        begin() {
          signal.removeEventListener('abort', leave);
          resolve();
        },
        refuse(error) {
          signal.removeEventListener('abort', leave);
          reject(error);
        },
      };
      const line = this.#lines.get(key);
      if (line) line.push(waiting);
      else this.#lines.set(key, [waiting]);
      this.#waiting++;
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #makeRoom(key: string): void {
    const error = new TooManyWaiting(`${this.#waitingAtMost} wait already`);
    const [longest, line] = [...this.#lines].reduce((most, each) => (each[1].length > most[1].length ? each : most));
    const own = this.#lines.get(key)?.length ?? 0;
    if (own + 1 >= line.length) throw error;
    const last = line.at(-1) as Waiting;
    this.#remove(longest, last);
    last.refuse(error);
  }

  #next(): Waiting | undefined {
    const first = this.#lines.entries().next().value;
    if (!first) return undefined;
    const [key, line] = first;
    const next = line.shift();
    this.#waiting--;
    // To the end of the lines.
    this.#lines.delete(key);
    if (line.length > 0) this.#lines.set(key, line);
    return next;
  }

  #remove(key: string, waiting: Waiting): void {
    const line = this.#lines.get(key);
    const index = line?.indexOf(waiting) ?? -1;
    if (!line || index < 0) return;
    line.splice(index, 1);
    this.#waiting--;
    if (line.length === 0) this.#lines.delete(key);
  }
}
