import { fileURLToPath } from 'node:url';
import cookie from '@fastify/cookie';
import type { Platform, Service } from '@starling/platform/service';
import type { WebConfig } from './config.ts';
import { parseProxies } from './domain/proxies.ts';
import { accountRoutes } from './routes/account.ts';
import { accountsRoutes } from './routes/accounts.ts';
import { administrationRoutes } from './routes/administration.ts';
import { clientRoutes } from './routes/client.ts';
import type { IdentityRoutesContext } from './routes/context.ts';
import { forwardRoutes } from './routes/forward.ts';
import { guardRoutes } from './routes/guard.ts';
import { passkeysRoutes } from './routes/passkeys.ts';
import { passwordResetRoutes } from './routes/password-reset.ts';
import { sessionsRoutes } from './routes/sessions.ts';
import { signOnRoutes } from './routes/sign-on.ts';
import { tokensRoutes } from './routes/tokens.ts';
import { createIdentityClients } from './sessions/ask-identity.ts';
import { UserTokens } from './sessions/user-tokens.ts';
import type { Upstream } from './upstream/index.ts';

const BUILT_CLIENT = fileURLToPath(new URL('./browser/dist', import.meta.url));

/**
 * The browser's backend: serves the client, keeps the session's cookie, and puts tokens on every call it passes on.
 * Throws an Error for a proxy or a public URL that cannot be read.
 */
export function createWeb(config: WebConfig, platform: Platform, upstream: Upstream): Service {
  const { minter, gate, clock } = platform;
  const identity = createIdentityClients(platform.rpc('identity'));
  const tokens = new UserTokens({ sessions: identity.sessions, gate, clock });
  const proxies = parseProxies(config.trustedProxies ?? []);
  const publicOrigin = config.publicUrl === undefined ? undefined : new URL(config.publicUrl).origin;
  const context: IdentityRoutesContext = { identity, tokens, gate, publicOrigin };

  return {
    async routes(app) {
      await guardRoutes(app, { proxies, allowedOrigins: new Set(config.allowedOrigins) });
      await app.register(cookie);
      accountsRoutes(app, context);
      sessionsRoutes(app, context);
      tokensRoutes(app, context);
      passwordResetRoutes(app, context);
      accountRoutes(app, context);
      passkeysRoutes(app, context);
      signOnRoutes(app, context);
      administrationRoutes(app, context);
      app.register(async (scope) => forwardRoutes(scope, { upstream, minter, gate, tokens }));
      await clientRoutes(app, { directory: config.client ?? BUILT_CLIENT });
    },
    async start() {},
    async stop() {},
  };
}
