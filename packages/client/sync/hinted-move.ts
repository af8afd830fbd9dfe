import type { Clock } from '../clock.ts';

/** When a socket is to be left because the server has hinted it: at a random moment within what each hint says, the earliest. */
export class HintedMove {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #move: () => Promise<void>;
  #due: { at: number; disarm(): void } | undefined;
  #moving = false;
  #stopped = false;

  /** @param move resolves when the socket has been left, or that has failed: then the next hint counts. */
  constructor(clock: Clock, random: () => number, move: () => Promise<void>) {
    this.#clock = clock;
    this.#random = random;
    this.#move = move;
  }

  /** A hint that comes during a move is followed if that fails. */
  hint(withinMs: number): void {
    const at = this.#clock.now() + this.#random() * withinMs;
    if (this.#stopped || (this.#due && this.#due.at <= at)) return;
    this.#due?.disarm();
    const disarm = this.#moving ? () => {} : this.#arm(at);
    this.#due = { at, disarm };
  }

  stop(): void {
    this.#stopped = true;
    this.#due?.disarm();
  }

  #arm(at: number): () => void {
    return this.#clock.after(Math.max(0, at - this.#clock.now()), () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#due = undefined;
    this.#moving = true;
    await this.#move();
    this.#moving = false;
    const due = this.#due as { at: number } | undefined;
    if (due && !this.#stopped) this.#due = { at: due.at, disarm: this.#arm(due.at) };
  }
}
