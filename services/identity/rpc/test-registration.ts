import { FakeClock } from '@starling/testing/clock';
import { type MailServer, type MailServerOptions, startMailServer } from '@starling/testing/mail';
import { waitFor } from '@starling/testing/wait-for';
import type { IdentityConfig } from '../config.ts';
import type { Begun } from '../domain/log-in.ts';
import { createRegistering, type Registering } from '../registering.ts';
import { clientAt, PASSWORD, problemOf, startTestIdentity, type TestIdentity } from '../test-identity.ts';
import { writeSecretFile } from '../test-secret-file.ts';

export const PUBLIC_URL = 'https://chat.example.org';

/** Identity with a mail server, and a clock that stands still. */
export interface TestRegistration {
  identity: TestIdentity;
  mail: MailServer;
  clock: FakeClock;
  /** The same stores, called directly; no mailer of theirs runs. */
  stores: Registering;
  /** Begins a registration from an address of its own. */
  register(
    email: string,
    more?: { name?: string; password?: string; invite?: string },
  ): Promise<{ id: string; expiresAt: number; code: string }>;
  /** Registers, reads the code in the mail, and confirms it. */
  makeAccount(email: string, more?: { invite?: string }): Promise<Begun>;
  /** The newest code that was mailed to the address, once there are so many. */
  codeFor(email: string, count?: number): Promise<string>;
  stop(): Promise<void>;
}

export async function startTestRegistration(
  options: { config?: Partial<IdentityConfig>; mail?: MailServerOptions } = {},
): Promise<TestRegistration> {
  const mail = await startMailServer(options.mail);
  const clock = new FakeClock(Date.now());
  const identity = await startTestIdentity({
    clock,
    config: {
      publicUrl: PUBLIC_URL,
      mail: { urlFile: writeSecretFile(mail.url), from: 'Starling <no-reply@example.org>' },
      ...options.config,
    },
  });
  const stores = createRegistering({ ...identity.world.platform('identity'), config: identity.config, parts: identity.parts });
  let visitors = 0;

  async function register(email: string, { name = 'Somebody', password = PASSWORD, invite = '' } = {}) {
    return identity.accounts.register({ email, password, name, invite, client: clientAt(`203.0.113.${++visitors % 250}`) });
  }

  async function codeFor(email: string, count = 1): Promise<string> {
    const codes = () => mail.messages.filter((each) => each.to === email.toLowerCase() && each.subject.startsWith('Your code'));
    await mail.waitFor(email.toLowerCase(), () => codes().length >= count);
    return readCode(codes().at(-1)?.text ?? '');
  }

  return {
    identity,
    mail,
    clock,
    stores,
    register,
    codeFor,
    async makeAccount(email, more) {
      const { id } = await register(email, more);
      return identity.accounts.confirmRegistration({ id, code: await codeFor(email) });
    },
    async stop() {
      await identity.stop();
      await mail.close();
    },
  };
}

export function readCode(text: string): string {
  const [code] = /^ {4}\d{6}$/m.exec(text) ?? [];
  if (code === undefined) throw new Error('there is no code in the mail');
  return code.trim();
}

/** A code that is not this one. */
export function wrongCode(code: string, by = 1): string {
  return String((Number(code) + by) % 1_000_000).padStart(6, '0');
}

/** Everything in the tables of identity, as text. */
export async function dumpTables({ db }: TestIdentity): Promise<string> {
  const { rows: tables } = await db.query<{ name: string }>(
    "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE 'migration%'",
  );
  const dumps = await Promise.all(tables.map(({ name }) => db.query(`SELECT t::text AS row FROM ${name} AS t`)));
  return dumps.flatMap(({ rows }) => rows.map(({ row }) => row)).join('\n');
}

/**
 * Makes two calls while rows of the user's are locked, as if by somebody who came first, lets the rows go once both calls
 * wait, and returns the problems of the calls.
 */
export async function holding(
  { db }: TestIdentity,
  lock: string,
  user: string,
  begin: () => [Promise<unknown>, Promise<unknown>],
): Promise<string[]> {
  const holder = await db.connect();
  try {
    await holder.query('BEGIN');
    await holder.query(lock, [user]);
    const problems = Promise.all(begin().map(problemOf));
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await waitFor(async () => (await db.query(waiting)).rowCount === 2, { describe: 'that both calls wait for locks' });
    await holder.query('COMMIT');
    return await problems;
  } finally {
    holder.release(true);
  }
}
