/** Latencies of one path, ms. */
export class Latencies {
  readonly #values: number[] = [];

  add(milliseconds: number): void {
    this.#values.push(milliseconds);
  }

  get count(): number {
    return this.#values.length;
  }

  /** By nearest rank. */
  percentile(percent: number): number {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
  }
}

/** Calls `act` at a fixed rate, whatever becomes of the calls, as people do; resolves after the last. */
export async function atRate(perSecond: number, seconds: number, act: (number: number) => void): Promise<void> {
  const begun = performance.now();
  const total = Math.round(perSecond * seconds);
  for (let done = 0; done < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - begun) / 1000) * perSecond) + 1);
    while (done < due) act(done++);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
