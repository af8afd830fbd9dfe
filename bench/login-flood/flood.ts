import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FloodAnswers, FloodOrder } from './flooder.ts';

/** Floods from a thread of its own, so that who measures does not wait for who floods; resolves when all is answered. */
export async function flood(order: FloodOrder): Promise<FloodAnswers> {
  const worker = new Worker(new URL('./flooder.ts', import.meta.url), { workerData: order });
  const [answers] = (await once(worker, 'message')) as [FloodAnswers];
  await worker.terminate();
  return answers;
}
