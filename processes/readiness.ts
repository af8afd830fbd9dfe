import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Resolves when the process behind this side port says that it is ready, or at the signal's abort. `tell` gets what it
 * says that it waits for, whenever that has changed.
 */
export async function untilReady(side: number, options: { tell(reasons: string): void; signal: AbortSignal }): Promise<void> {
  const { tell, signal } = options;
  let told = '';
  while (!signal.aborted) {
    // Until the port is open there is nobody to ask.
    const answer = await fetch(`http://127.0.0.1:${side}/readyz`, { signal }).catch(() => undefined);
    if (answer?.ok) return;
    const reasons = (await answer?.text().catch(() => ''))?.trim().replaceAll('\n', '; ');
    if (reasons && reasons !== told) tell(reasons);
    told = reasons || told;
    await delay(POLL_MS, undefined, { signal }).catch(() => {});
  }
}
