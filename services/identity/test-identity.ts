import { randomUUID } from 'node:crypto';
import { type Client, ConnectError, createClient } from '@connectrpc/connect';
import type { SystemRole } from '@starling/contracts/permissions';
import {
  AccountsService,
  AdministrationService,
  PasskeysService,
  SecondFactorService,
  SessionsService,
  SignOnService,
} from '@starling/contracts/rpc';
import type { Clock } from '@starling/platform/clock';
import { onBehalfOf } from '@starling/platform/rpc';
import { createTestDatabase } from '@starling/testing/database';
import { createTestPlatform, type TestPlatform } from '@starling/testing/platform';
import type pg from 'pg';
import { createIdentity } from './app.ts';
import type { IdentityConfig } from './config.ts';
import type { ClientContext } from './domain/client-context.ts';
import type { Begun } from './domain/log-in.ts';
import { hashPassword } from './domain/password.ts';
import { createParts, type Parts } from './parts.ts';
import { MIGRATIONS } from './store/migrations.ts';

export const PASSWORD = 'a long enough password';
/** Of the same password, so that not every account costs a hash. */
const passwordHash = hashPassword(PASSWORD);

export interface TestAccount extends Begun {
  email: string;
  name: string;
  password: string;
}

/** The clients of one service: called as another service (web unless said). */
export interface Clients {
  accounts: Client<typeof AccountsService>;
  sessions: Client<typeof SessionsService>;
  secondFactor: Client<typeof SecondFactorService>;
  passkeys: Client<typeof PasskeysService>;
  signOn: Client<typeof SignOnService>;
  administration: Client<typeof AdministrationService>;
}

/** Identity on a database of its own, running, as web meets it. */
export interface TestIdentity extends Clients {
  world: TestPlatform;
  db: pg.Pool;
  config: IdentityConfig;
  /** The same stores, called directly. */
  parts: Parts;
  /** Clients that call as another service. */
  as(service: 'web' | 'user'): Clients;
  /** An account with {@link PASSWORD}, made without registration, with a session that has begun. */
  makeAccount(account?: { email?: string; name?: string; role?: SystemRole; client?: ClientContext }): Promise<TestAccount>;
  /** Option of a call by web on behalf of the user of this session. */
  behalf(session: string): Promise<ReturnType<typeof onBehalfOf>>;
  stop(): Promise<void>;
}

export async function startTestIdentity(
  options: { config?: Partial<IdentityConfig>; clock?: Clock; services?: 'user'[] } = {},
): Promise<TestIdentity> {
  const database = await createTestDatabase();
  const { clock } = options;
  const world = await createTestPlatform({
    database,
    services: { identity: MIGRATIONS, web: [], user: [] },
    ...(clock === undefined ? {} : { clock }),
  });
  const config: IdentityConfig = { secret: randomUUID(), registration: 'open', firstLocalOwner: false, signOn: [], ...options.config };
  const platform = world.platform('identity');
  world.register('identity', createIdentity(config, platform));
  await world.start();
  const parts = createParts({ ...platform, secret: config.secret, stated: () => {} });
  const as = (service: 'web' | 'user'): Clients => {
    const transport = world.platform(service).rpc('identity');
    return {
      accounts: createClient(AccountsService, transport),
      sessions: createClient(SessionsService, transport),
      secondFactor: createClient(SecondFactorService, transport),
      passkeys: createClient(PasskeysService, transport),
      signOn: createClient(SignOnService, transport),
      administration: createClient(AdministrationService, transport),
    };
  };
  const clients = as('web');
  let made = 0;

  return {
    ...clients,
    world,
    db: platform.db,
    config,
    parts,
    as,
    async makeAccount({ email = `person-${++made}@example.org`, name = `Person ${made}`, role = 'member', client } = {}) {
      const begun = await parts.accounts.create({ email, name, role, passwordHash: await passwordHash }, client);
      if (begun === 'exists') throw new Error(`there is an account with ${email} already`);
      return { ...begun, email, name, password: PASSWORD };
    },
    async behalf(session) {
      const { token } = await clients.sessions.mintToken({ session });
      return onBehalfOf(await world.platform('web').gate.verifyUserToken(token));
    },
    async stop() {
      await world.stop();
      await database.drop();
    },
  };
}

/** What a browser at an address is to identity. */
export function clientAt(address: string, more: Partial<ClientContext> = {}): ClientContext {
  return { address, userAgent: 'a test', device: '', local: false, ...more };
}

/** The problem that a call is refused with; its code when it names none. */
export async function problemOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) return `no refusal, but ${error}`;
  return error.metadata.get('starling-problem') ?? `only the code ${error.code}`;
}
