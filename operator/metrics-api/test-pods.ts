import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DeliveryPod } from './delivery-pods.ts';

export function testPod(name: string, fields: Partial<DeliveryPod> = {}): DeliveryPod {
  const labels = { 'app.kubernetes.io/instance': 'chat', 'app.kubernetes.io/component': 'delivery' };
  return { uid: `uid-${name}`, namespace: 'team', name, cluster: 'chat', address: '127.0.0.1', labels, annotations: {}, ...fields };
}

/** Servers in the place of pods: each has an address of its own on loopback, and all have the same port. */
export async function startTestPods(answers: RequestListener[]): Promise<{ port: number; addresses: string[]; close(): Promise<void> }> {
  const servers: Server[] = [];
  const addresses = answers.map((_, index) => `127.0.0.${index + 1}`);
  let port = 0;
  for (const [index, answer] of answers.entries()) {
    const server = createServer(answer);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, addresses[index], resolve);
    });
    port = (server.address() as AddressInfo).port;
    servers.push(server);
  }
  const close = (server: Server) =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port, addresses, close: async () => void (await Promise.all(servers.map(close))) };
}
