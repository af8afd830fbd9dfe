import { PartitionWindow, WINDOW } from '@starling/contracts/log';
import { Settled } from '../fan-out/settled.ts';
import { Ring } from '../ring/ring.ts';

/** What a pod holds of one partition: the window to judge by, the ring to replay from, and how far it has delivered. */
export class Partition {
  readonly #ringBytes: number;
  #waiting = new Set<() => void>();
  window: PartitionWindow;
  ring: Ring;
  settled: Settled;

  constructor(from: number, ringBytes: number) {
    this.#ringBytes = ringBytes;
    this.window = new PartitionWindow(from);
    this.ring = new Ring(from, { entries: WINDOW, bytes: ringBytes });
    this.settled = new Settled(from);
  }

  /** The next offset to read. */
  get next(): number {
    return this.window.next;
  }

  /** Forgets everything: the log does not go on where this reader expected it. */
  reset(from: number): void {
    this.window = new PartitionWindow(from);
    this.ring = new Ring(from, { entries: WINDOW, bytes: this.#ringBytes });
    this.settled = new Settled(from);
  }

  /** Records were taken in. */
  advanced(): void {
    this.settled.advance(this.next);
    for (const wake of this.#waiting) wake();
  }

  /** Resolves with true once every record before `offset` has been read, with false after `milliseconds`. */
  async waitFor(offset: number, milliseconds: number): Promise<boolean> {
    const deadline = Date.now() + milliseconds;
    while (this.next < offset) {
      const left = deadline - Date.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
    return true;
  }
}
