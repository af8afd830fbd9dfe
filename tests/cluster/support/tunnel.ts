import { waitUntil } from './conditions.ts';
import { startKubectl } from './running-kubectl.ts';

const OPEN_MS = 30_000;

/** Reaches a port of a pod through the kubelet, whatever the network's policies say, for as long as `use` lasts. */
export async function throughTunnel<T>(namespace: string, pod: string, port: number, use: (port: number) => Promise<T>): Promise<T> {
  let local = 0;
  const tunnel = startKubectl(['--namespace', namespace, 'port-forward', `pod/${pod}`, `:${port}`], (line) => {
    local ||= Number(/127\.0\.0\.1:(\d+) ->/.exec(line)?.[1]);
  });
  try {
    await waitUntil(`a tunnel to ${pod}`, OPEN_MS, () => local);
    return await use(local);
  } finally {
    tunnel.kill();
  }
}
