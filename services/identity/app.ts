import { OutboxRelay } from '@starling/platform/outbox';
import { Projection } from '@starling/platform/projection';
import type { Platform, Service } from '@starling/platform/service';
import type { IdentityConfig } from './config.ts';
import { createAfterFirstFactor } from './domain/log-in.ts';
import { createParts } from './parts.ts';
import { createRegistering } from './registering.ts';
import { accountsRpc } from './rpc/accounts.ts';
import { administrationRpc } from './rpc/administration.ts';
import { inviteCalls } from './rpc/invites.ts';
import { passkeysRpc } from './rpc/passkeys.ts';
import { secondFactorRpc } from './rpc/second-factor.ts';
import { sessionsRpc } from './rpc/sessions.ts';
import { signOnRpc } from './rpc/sign-on.ts';
import { createProvider } from './sign-on/provider.ts';
import { createPasskeys } from './store/passkeys.ts';
import { createSecondFactors } from './store/second-factors.ts';
import { createSignOnLinks } from './store/sign-on.ts';

const SWEEP_EVERY_MS = 3_600_000;

/** Accounts and sessions. It has no public HTTP: web alone speaks to it, by RPC. */
export function createIdentity(config: IdentityConfig, platform: Platform): Service {
  const { db, log, logger, minter, metrics, clock } = platform;
  const { secret } = config;
  const relay = new OutboxRelay({ pool: db, log, topic: 'users', logger });
  const parts = createParts({ db, clock, logger, secret, stated: () => relay.wake() });
  const { throttle, devices, sessions } = parts;
  const secondFactors = createSecondFactors({ db, clock, secret, devices, throttle });
  const afterFirstFactor = createAfterFirstFactor({ sessions, secondFactors });
  const passkeys = createPasskeys({ db, clock });
  const links = createSignOnLinks({ db, clock });
  const providers = config.signOn.map((provider) => createProvider(provider, clock));
  const registering = createRegistering({ config, db, clock, logger, parts });
  // Reads only where its own facts came to stand.
  const projection = new Projection({ pool: db, log, topic: 'users', group: 'identity', logger, relay, apply: async () => {} });
  const sweeps = [sessions.sweep, throttle.sweep, devices.sweep, secondFactors.sweep, passkeys.sweep, links.sweep, ...registering.sweeps];
  let sweeping: NodeJS.Timeout | undefined;

  function sweep(): void {
    for (const each of sweeps) each().catch((error: Error) => logger.warn({ error: error.message }, 'what has ended could not be removed'));
  }

  metrics.trackLag('identity', 'users', log, () => projection.nextOffsets);

  return {
    unready: () => (projection.halted === undefined ? [] : [projection.halted]),
    routes() {},
    rpc(router) {
      accountsRpc(router, { ...parts, ...registering, secondFactors });
      sessionsRpc(router, { ...parts, secondFactors, afterFirstFactor, minter });
      secondFactorRpc(router, { ...parts, secondFactors });
      passkeysRpc(router, { ...parts, passkeys });
      signOnRpc(router, { ...parts, secret, clock, logger, providers, links, admit: registering.admit, afterFirstFactor });
      administrationRpc(router, { ...parts, invites: inviteCalls({ ...registering, clock }) });
    },
    async start() {
      await registering.start();
      projection.start();
      relay.start();
      sweeping = setInterval(sweep, SWEEP_EVERY_MS).unref();
    },
    async stop() {
      clearInterval(sweeping);
      await registering.stop();
      await relay.stop();
      await projection.stop();
    },
  };
}
