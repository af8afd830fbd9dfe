import { OutboxRelay } from '@starling/platform/outbox';
import { Projection } from '@starling/platform/projection';
import type { Platform, Service } from '@starling/platform/service';
import type { IdentityConfig } from './config.ts';
import { Turns } from './domain/turns.ts';
import { identityRpc } from './rpc/identity.ts';
import { createAccounts } from './store/accounts.ts';

/** A hash takes 19 MiB and tens of milliseconds of a core: a flood of them must leave room for everything else. */
const PASSWORDS_AT_ONCE = 2;
/** What two at a time work off before the callers' patience ends. */
const PASSWORDS_WAITING = 100;
const SWEEP_EVERY_MS = 3_600_000;

/** Accounts and sessions. It has no public HTTP: web alone speaks to it, by RPC. */
export function createIdentity(config: IdentityConfig, platform: Platform): Service {
  const { db, log, logger, minter, metrics } = platform;
  const accounts = createAccounts({ db, secret: config.secret, logger });
  const passwordTurns = new Turns({ atOnce: PASSWORDS_AT_ONCE, waitingAtMost: PASSWORDS_WAITING });
  const relay = new OutboxRelay({ pool: db, log, topic: 'users', logger });
  // Reads only where its own facts came to stand.
  const projection = new Projection({ pool: db, log, topic: 'users', group: 'identity', logger, relay, apply: async () => {} });
  let sweeping: NodeJS.Timeout | undefined;

  function sweep(): void {
    accounts.sweepSessions().catch((error: Error) => logger.warn({ error: error.message }, 'ended sessions could not be removed'));
  }

  metrics.trackLag('identity', 'users', log, () => projection.nextOffsets);

  return {
    unready: () => (projection.halted === undefined ? [] : [projection.halted]),
    routes() {},
    rpc: (router) => identityRpc(router, { accounts, passwordTurns, minter, signedUp: () => relay.wake() }),
    async start() {
      projection.start();
      relay.start();
      sweeping = setInterval(sweep, SWEEP_EVERY_MS).unref();
    },
    async stop() {
      clearInterval(sweeping);
      await relay.stop();
      await projection.stop();
    },
  };
}
