/** There are as many waiting as may wait. */
export class TooManyWaiting extends Error {
  override name = 'TooManyWaiting';
}

/**
 * Lets a few pieces of work run at a time and a bounded number wait in line. Work that is costly and that anybody can
 * ask for takes its turn before it takes a connection or memory.
 */
export class Turns {
  readonly #atOnce: number;
  readonly #waitingAtMost: number;
  readonly #line: (() => void)[] = [];
  #running = 0;

  constructor(options: { atOnce: number; waitingAtMost: number }) {
    this.#atOnce = options.atOnce;
    this.#waitingAtMost = options.waitingAtMost;
  }

  /** Runs `work` when its turn comes. Throws {@link TooManyWaiting}, and the signal's reason if that aborts first. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) await this.#wait(signal);
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      // The turn is handed on: nobody who comes now can take it from the one who waits.
      if (next) next();
      else this.#running--;
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#line.length >= this.#waitingAtMost) throw new TooManyWaiting(`${this.#waitingAtMost} wait already`);
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#line.splice(this.#line.indexOf(begin), 1);
        reject(signal.reason);
      };
      this.#line.push(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
