import { fileURLToPath } from 'node:url';
import { createClient } from '@connectrpc/connect';
import cookie from '@fastify/cookie';
import { IdentityService } from '@starling/contracts/rpc';
import type { Platform, Service } from '@starling/platform/service';
import type { WebConfig } from './config.ts';
import { clientRoutes } from './routes/client.ts';
import { forwardRoutes } from './routes/forward.ts';
import { guardRoutes } from './routes/guard.ts';
import { sessionRoutes } from './routes/session.ts';
import { UserTokens } from './sessions/user-tokens.ts';
import type { Upstream } from './upstream/index.ts';

const BUILT_CLIENT = fileURLToPath(new URL('./browser/dist', import.meta.url));

/** The browser's backend: serves the client, keeps the session's cookie, and puts tokens on every call it passes on. */
export function createWeb(config: WebConfig, platform: Platform, upstream: Upstream): Service {
  const { minter, gate, clock } = platform;
  const identity = createClient(IdentityService, platform.rpc('identity'));
  const tokens = new UserTokens({ identity, gate, clock });

  return {
    async routes(app) {
      await guardRoutes(app);
      await app.register(cookie);
      sessionRoutes(app, { identity, tokens });
      app.register(async (scope) => forwardRoutes(scope, { upstream, minter, gate, tokens }));
      await clientRoutes(app, { directory: config.client ?? BUILT_CLIENT });
    },
    async start() {},
    async stop() {},
  };
}
