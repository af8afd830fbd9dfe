import { availableParallelism } from 'node:os';
import type { Clock } from '@starling/platform/clock';
import type { Logger } from '@starling/platform/telemetry';
import type pg from 'pg';
import { PasswordTurns } from './domain/password-turns.ts';
import { createPasswords, type Passwords } from './rpc/passwords.ts';
import { type Accounts, createAccounts } from './store/accounts.ts';
import { type Administration, createAdministration } from './store/administration.ts';
import { createBetterAuth } from './store/better-auth.ts';
import { createCredentials } from './store/credentials.ts';
import { createDevices, type Devices } from './store/devices.ts';
import { createRefreshTokens, type RefreshTokens } from './store/refresh-tokens.ts';
import { createSessions, type Sessions } from './store/sessions.ts';
import { createThrottle, type Throttle } from './store/throttle.ts';

/**
 * A hash takes 19 MiB and tens of milliseconds of a core: a flood of them must leave a core for everything else. Who has
 * logged in before waits behind no stranger.
 */
const HASHING = {
  known: { atOnce: 1, waitingAtMost: 50 },
  strangers: { atOnce: Math.max(1, Math.min(2, availableParallelism() - 1)), waitingAtMost: 100 },
};
/** Of the pool's ten connections. */
const LOOKING_UP = { known: { atOnce: 2, waitingAtMost: 100 }, strangers: { atOnce: 3, waitingAtMost: 300 } };

/** What all services of identity stand on. */
export interface Parts {
  throttle: Throttle;
  passwords: Passwords;
  devices: Devices;
  sessions: Sessions;
  accounts: Accounts;
  refreshTokens: RefreshTokens;
  administration: Administration;
}

/** `stated`: called after the commit of what writes facts, so that they are sent at once. */
export function createParts(options: { db: pg.Pool; clock: Clock; logger: Logger; secret: string; stated(): void }): Parts {
  const auth = createBetterAuth(options);
  const throttle = createThrottle(options);
  const passwords = createPasswords(openLanes(HASHING));
  const devices = createDevices(options);
  const sessions = createSessions({ ...options, auth, devices });
  const credentials = createCredentials({ ...options, devices, throttle, passwords, turns: openLanes(LOOKING_UP) });
  const accounts = createAccounts({ ...options, auth, sessions, credentials });
  const refreshTokens = createRefreshTokens({ ...options, auth, sessions });
  return { throttle, passwords, devices, sessions, accounts, refreshTokens, administration: createAdministration(options) };
}

function openLanes({ known, strangers }: typeof HASHING): { known: PasswordTurns; strangers: PasswordTurns } {
  return { known: new PasswordTurns(known), strangers: new PasswordTurns(strangers) };
}
