import type { Clock } from '@starling/platform/clock';
import { ConfigError, readConfiguredFile } from '@starling/platform/config';
import type { Logger } from '@starling/platform/telemetry';
import type pg from 'pg';
import type { IdentityConfig } from './config.ts';
import { createCompose } from './mail/compose.ts';
import { createLogInstead } from './mail/log-instead.ts';
import { Mailer } from './mail/mailer.ts';
import { createSmtp, type Send } from './mail/transport.ts';
import type { Parts } from './parts.ts';
import { createAdmit } from './rpc/admission.ts';
import { createCodes } from './store/codes.ts';
import { createEmailChanges } from './store/email-changes.ts';
import { createInvites } from './store/invites.ts';
import { createMailQueue } from './store/mail-queue.ts';
import { createPasswordChanges } from './store/password-changes.ts';
import { createRegistrations } from './store/registrations.ts';
import { createResets } from './store/resets.ts';
import { createSendings } from './store/sendings.ts';

/** Everything by which accounts are made and recovered, and the mail that this takes. */
export type Registering = ReturnType<typeof createRegistering>;

export function createRegistering(options: {
  config: IdentityConfig;
  db: pg.Pool;
  clock: Clock;
  logger: Logger;
  parts: Pick<Parts, 'accounts'>;
}) {
  const { config, db, clock, logger } = options;
  const { accounts } = options.parts;
  const { mail, publicUrl = '', secret } = config;
  if (mail && publicUrl === '') throw new ConfigError('mail needs publicUrl: the links in emails lead there');
  const common = { db, clock, secret };
  let mailer: Mailer | undefined;
  const wakeMailer = () => mailer?.wake();

  const queue = createMailQueue(db);
  const sendings = createSendings(common);
  const codes = createCodes(common);
  const invites = createInvites(common);
  const registrations = createRegistrations({ db, clock, codes, queue });
  const emailChanges = createEmailChanges({ db, clock, codes, queue });
  const resets = createResets({ ...common, queue, sendings });
  const passwordChanges = createPasswordChanges({ accounts, resets, emailChanges, queue, wakeMailer });
  const admit = createAdmit({ config, invites, registrations });
  const compose = createCompose({ codes, resets, accounts, publicUrl });

  async function openSend(): Promise<Send> {
    return mail ? createSmtp({ url: await readConfiguredFile('mail', mail.urlFile), from: mail.from }) : createLogInstead(logger);
  }

  return {
    config,
    hasMail: mail !== undefined,
    queue,
    sendings,
    codes,
    invites,
    registrations,
    emailChanges,
    resets,
    passwordChanges,
    admit,
    wakeMailer,
    sweeps: [sendings, codes, invites, registrations, emailChanges, resets].map((store) => () => store.sweep()),
    /** Throws a ConfigError. */
    async start(): Promise<void> {
      mailer = new Mailer({ queue, prepare: () => resets.resolve(), compose, send: await openSend(), logger });
      mailer.start();
    },
    async stop(): Promise<void> {
      await mailer?.stop();
    },
  };
}
