import { requireUserCaller } from '@starling/platform/http';
import { OutboxRelay } from '@starling/platform/outbox';
import { Projection } from '@starling/platform/projection';
import type { Platform, Service } from '@starling/platform/service';
import type { UserConfig } from './config.ts';
import { createProfiles } from './consumers/create-profiles.ts';
import { userRoutes } from './routes/users.ts';
import { userRpc } from './rpc/user.ts';

/** Profiles: handle, name, search. */
export function createUser(_config: UserConfig, platform: Platform): Service {
  const { db, log, logger, gate, metrics } = platform;
  const relay = new OutboxRelay({ pool: db, log, topic: 'users', logger });
  const projection = new Projection({ pool: db, log, topic: 'users', group: 'user', logger, relay, apply: createProfiles });

  metrics.trackLag('user', 'users', log, () => projection.nextOffsets);

  return {
    unready: () => (projection.halted === undefined ? [] : [projection.halted]),
    routes(app) {
      requireUserCaller(app, gate);
      userRoutes(app, { db, relay });
    },
    rpc: (router) => userRpc(router, { db }),
    async start() {
      projection.start();
      relay.start();
    },
    async stop() {
      await relay.stop();
      await projection.stop();
    },
  };
}
