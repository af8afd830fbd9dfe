import { type CallOptions, type Client, type ConnectRouter, createClient, type Transport } from '@connectrpc/connect';
import { ConversationService } from '@starling/contracts/rpc';
import { createMetrics } from '../metrics/index.ts';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { createTestTokens, type Issuer, type TestTokens } from '../tokens/test-tokens.ts';
import { createLocalTransport } from './local.ts';
import { createNetworkTransport, serveRpc } from './network.ts';

export interface Callee {
  tokens: TestTokens;
  log: ReturnType<typeof createTestLogger>;
  /** Clients of the callee for whoever holds this issuer's key. */
  as(caller: Issuer, callee?: string): Caller;
  close(): Promise<void>;
}

export interface Caller {
  conversations: Client<typeof ConversationService>;
  /** LoadParticipations, which delivery calls as itself; the users in the answer. */
  load(users: string[], options?: CallOptions): Promise<string[]>;
}

function createCaller(transport: Transport): Caller {
  const conversations = createClient(ConversationService, transport);
  return {
    conversations,
    async load(users, options) {
      const { participations } = await conversations.loadParticipations({ users }, options);
      return participations.map(({ user }) => user);
    },
  };
}

/** Stands `routes` up as the service `conversation`, reached one way or the other. */
export const WAYS: Record<string, (routes: (router: ConnectRouter) => void) => Promise<Callee>> = {
  async 'within the process'(routes) {
    const tokens = await createTestTokens();
    const log = createTestLogger();
    return {
      tokens,
      log,
      as(caller, callee = 'conversation') {
        const transport = createLocalTransport({
          callee,
          minter: caller.minter,
          gate: tokens.gate,
          logger: log.logger,
          metrics: createMetrics().of('conversation'),
          routes,
        });
        return createCaller(transport);
      },
      close: async () => {},
    };
  },
  async 'over the network'(routes) {
    const tokens = await createTestTokens();
    const log = createTestLogger();
    const server = await serveRpc({
      host: '127.0.0.1',
      port: 0,
      gate: tokens.gate,
      logger: log.logger,
      metrics: createMetrics().of('conversation'),
      routes,
    });
    return {
      tokens,
      log,
      as(caller, callee = 'conversation') {
        const transport = createNetworkTransport({ callee, baseUrl: `http://127.0.0.1:${server.port}`, minter: caller.minter });
        return createCaller(transport);
      },
      close: () => server.close(),
    };
  },
};
