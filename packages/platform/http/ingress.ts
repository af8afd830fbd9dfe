import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { onUpgrade, type TakeUpgrade } from './raw.ts';
import { endBrokenRequest } from './server.ts';

/**
 * A second listener of the same routes and with the same limits, without TLS: for what comes through an ingress, which
 * has ended the visitors' TLS and has no certificate of a service. A call of a service does not count here: it has no
 * certificate beside its tokens.
 *
 * @param options.upgrade as of onUpgrade.
 */
export async function openIngress(
  app: FastifyInstance,
  options: { host: string; port: number; upgrade: TakeUpgrade },
): Promise<{ port: number; close(): Promise<void> }> {
  await app.ready();
  const { requestTimeout, headersTimeout, keepAliveTimeout, timeout } = app.server;
  const server = createServer((request, response) => app.routing(request, response));
  Object.assign(server, { requestTimeout, headersTimeout, keepAliveTimeout, timeout });
  server.on('clientError', endBrokenRequest);
  onUpgrade({ server }, options.upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
