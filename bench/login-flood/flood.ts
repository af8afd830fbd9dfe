import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FloodAnswers, FloodOrder } from './flooder.ts';

/** Floods from a thread of its own, so that who measures does not wait for who floods. */
export function startFlood(order: FloodOrder): { stop(): Promise<FloodAnswers> } {
  const worker = new Worker(new URL('./flooder.ts', import.meta.url), { workerData: order });
  const ended = once(worker, 'message');
  // Whoever stops it is told.
  ended.catch(() => {});
  return {
    async stop() {
      worker.postMessage('stop');
      const [answers] = (await ended) as [FloodAnswers];
      await worker.terminate();
      return answers;
    },
  };
}
