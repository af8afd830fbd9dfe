import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@starling/platform/telemetry';
import { RESOURCES } from '../kube/resources.ts';
import type { KubeClient, ObjectReference } from '../kube/types.ts';
import { type FrontProxy, readFrontProxy } from './front-proxy.ts';

/** Where the API server tells its extensions how it will speak to them. */
const AUTHENTICATION: ObjectReference = {
  resource: RESOURCES.ConfigMap,
  namespace: 'kube-system',
  name: 'extension-apiserver-authentication',
};

const POLL_MS = 15_000;

/**
 * Reads how the API server proves itself, and again every 15 s: a role that may read this one ConfigMap is what extensions
 * are given, and it changes once in years. While it cannot be read, what was read before holds.
 */
export function followFrontProxy(options: {
  client: Pick<KubeClient, 'get'>;
  logger: Logger;
  pollMs?: number;
  /** Told what was read whenever it differs. Undefined: nobody can be let in. */
  onChange(proxy: FrontProxy | undefined): void;
}): { stop(): Promise<void> } {
  const { client, logger, onChange, pollMs = POLL_MS } = options;
  const stopped = new AbortController();
  let seen: string | undefined;
  let complained = '';

  async function read(): Promise<void> {
    const proxy = readFrontProxy(await client.get(AUTHENTICATION));
    const text = JSON.stringify(proxy) ?? 'none';
    if (text !== seen) onChange(proxy);
    seen = text;
    if (!proxy) throw new Error('it does not tell the authority and the headers of the API server: is its aggregation layer on?');
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      await read().then(
        () => {
          complained = '';
        },
        ({ message }: Error) => {
          if (message !== complained)
            logger.warn({ reason: message }, `ConfigMap ${AUTHENTICATION.namespace}/${AUTHENTICATION.name} cannot be used`);
          complained = message;
        },
      );
      await delay(pollMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
