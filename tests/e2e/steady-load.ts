const TICK_MS = 50;

/** Something that is done again and again, and how it went. */
export interface SteadyLoad {
  /** How often it was done well. */
  done: number;
  /** What was thrown. */
  failures: string[];
  /** Begins nothing more, and resolves when all that has begun is over. */
  stop(): Promise<void>;
}

/** Does something so often a second, or less often where more than `atOnce` of it would be under way. */
export function startSteadyLoad({
  perSecond,
  atOnce,
  act,
}: {
  perSecond: number;
  atOnce: number;
  act: (number: number) => Promise<void>;
}): SteadyLoad {
  const underWay = new Set<Promise<void>>();
  let started = 0;
  let due = 0;
  let at = performance.now();
  const load: SteadyLoad = {
    done: 0,
    failures: [],
    async stop() {
      clearInterval(ticking);
      await Promise.all(underWay);
    },
  };
  async function actOnce(number: number): Promise<void> {
    try {
      await act(number);
      load.done++;
    } catch (error) {
      load.failures.push((error as Error).message);
    }
  }
  const ticking = setInterval(() => {
    const now = performance.now();
    due += ((now - at) / 1000) * perSecond;
    at = now;
    for (; due >= 1; due--) {
      // What the machine cannot do now is left out, not made up for in a burst.
      if (underWay.size >= atOnce) continue;
      const acting = actOnce(started++);
      underWay.add(acting);
      void acting.then(() => underWay.delete(acting));
    }
  }, TICK_MS);
  return load;
}
