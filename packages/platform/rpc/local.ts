import { type ConnectRouter, createRouterTransport, type Transport } from '@connectrpc/connect';
import type { ServiceMetrics } from '../metrics/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Gate, Minter } from '../tokens/index.ts';
import { attachTokens, requireTokens } from './caller.ts';
import { concealErrors, measureCalls, RPC_TIMEOUT_MS } from './errors.ts';

/**
 * Calls within one process. Messages and metadata are serialised, and tokens minted and verified, as between
 * processes.
 */
export function createLocalTransport(options: {
  callee: string;
  minter: Minter;
  gate: Gate;
  logger: Logger;
  metrics: ServiceMetrics;
  routes(router: ConnectRouter): void;
}): Transport {
  return createRouterTransport(options.routes, {
    transport: { interceptors: [attachTokens(options.minter, options.callee)], defaultTimeoutMs: RPC_TIMEOUT_MS },
    router: { interceptors: [measureCalls(options.metrics), concealErrors(options.logger), requireTokens(options.gate, options.logger)] },
  });
}
