import { type ConnectRouter, createRouterTransport, type Transport } from '@connectrpc/connect';
import type { Logger } from '../telemetry/index.ts';
import type { Gate, Minter } from '../tokens/index.ts';
import { attachTokens, requireTokens } from './caller.ts';
import { concealErrors, RPC_TIMEOUT_MS } from './errors.ts';

/**
 * Calls within one process. Messages and metadata are serialised, and tokens minted and verified, as between
 * processes.
 */
export function createLocalTransport(options: {
  callee: string;
  minter: Minter;
  gate: Gate;
  logger: Logger;
  routes(router: ConnectRouter): void;
}): Transport {
  return createRouterTransport(options.routes, {
    transport: { interceptors: [attachTokens(options.minter, options.callee)], defaultTimeoutMs: RPC_TIMEOUT_MS },
    router: { interceptors: [concealErrors(options.logger), requireTokens(options.gate)] },
  });
}
