import type { FastifyInstance } from 'fastify';

/** How long requests that have come have to be answered once the server is being closed, ms. */
const FINISH_MS = 5_000;

/**
 * Has `app.close()` wait for what is being answered, and then end the connections: whoever asked before must not be left
 * without an answer, and whoever holds a connection open must not hold up the end.
 */
export function finishRequests(app: FastifyInstance): void {
  const underWay = new Set<object>();
  let wake = () => {};
  app.addHook('onRequest', async (request, reply) => {
    underWay.add(request);
    const end = () => {
      underWay.delete(request);
      if (underWay.size === 0) wake();
    };
    reply.raw.once('finish', end).once('close', end);
  });
  app.addHook('preClose', async () => {
    if (underWay.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FINISH_MS);
      wake = () => {
        clearTimeout(timer);
        // The last bytes are on their way: the connection ends behind them.
        setImmediate(resolve);
      };
    });
  });
}
