import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { transaction } from '@starling/platform/db';
import { type MailServerOptions, startMailServer } from '@starling/testing/mail';
import { waitFor } from '@starling/testing/wait-for';
import { expect, onTestFinished, test } from 'vitest';
import type { IdentityConfig } from '../config.ts';
import { createRegistering } from '../registering.ts';
import { startTestRegistration } from '../rpc/test-registration.ts';
import { writeSecretFile } from '../test-secret-file.ts';

async function start(options: { config?: Partial<IdentityConfig>; mail?: MailServerOptions } = {}) {
  const world = await startTestRegistration(options);
  onTestFinished(() => world.stop());
  const { db, world: platform } = world.identity;
  return {
    ...world,
    /** How often the jobs that wait have been tried. */
    attempts: async (): Promise<number[]> => (await db.query('SELECT attempts FROM mail_job')).rows.map(({ attempts }) => attempts),
    logged: (text: string) => platform.logLines.filter((line) => line.includes(text)),
  };
}

test('mail arrives once the mail server is back, with the code that was asked for', async () => {
  const { mail, register, identity, attempts, logged } = await start();
  await mail.close();
  const { id } = await register('patient@example.org');
  await waitFor(async () => ((await attempts())[0] ?? 0) >= 2, { describe: 'two attempts' });
  const again = await startMailServer({ port: mail.port });
  onTestFinished(() => again.close());
  const { text } = await again.waitFor('patient@example.org');
  await identity.accounts.confirmRegistration({ id, code: /^ {4}(\d{6})$/m.exec(text)?.[1] ?? '' });
  await waitFor(async () => (await attempts()).length === 0, { describe: 'that nothing waits any more' });
  expect(again.messages).toHaveLength(1);
  expect(logged('a mail could not be sent; it is tried again').length).toBeGreaterThan(0);
  expect(identity.world.logLines.join('')).not.toContain('patient@example.org');
});

test('a job of a process that was killed is sent by another, and known as the same mail', async () => {
  const { stores, mail, identity, attempts } = await start();
  // What a process leaves that is killed when it has taken a job, before it could send, or say that it had.
  const id = await transaction(identity.db, async (tx) => {
    await stores.queue.add(tx, { kind: 'password-changed', subject: null, email: 'orphan@example.org' });
    const { rows } = await tx.query(`UPDATE mail_job SET attempts = 1, next_at = now() + interval '30 seconds' RETURNING id`);
    return rows[0].id;
  });
  expect(await stores.queue.claim(1)).toEqual([]);
  expect(mail.messages).toEqual([]);
  // As if its time had passed.
  await identity.db.query('UPDATE mail_job SET next_at = now()');
  expect((await mail.waitFor('orphan@example.org')).messageId).toBe(`<${id}@example.org>`);
  await waitFor(async () => (await attempts()).length === 0, { describe: 'that nothing waits any more' });
});

test('a commit whose process was killed before it woke the mailer is sent all the same', async () => {
  const { stores, mail } = await start();
  // These stores have no mailer to wake.
  await stores.registrations.begin({ email: 'unwoken@example.org', name: 'Unwoken', passwordHash: '', invite: undefined });
  await mail.waitFor('unwoken@example.org');
});

test('two mailers share the work: no mail is sent twice', async () => {
  const { stores, mail, register } = await start({ mail: { slowness: 400 } });
  await stores.start();
  onTestFinished(() => stores.stop());
  const emails = Array.from({ length: 12 }, (_, number) => `shared-${number}@example.org`);
  await Promise.all(emails.map((email) => register(email)));
  for (const email of emails) await mail.waitFor(email);
  expect(mail.messages.map(({ to }) => to).sort()).toEqual([...emails].sort());
});

test('an address that the server refuses for good is not tried again, and is in no log', async () => {
  const { register, mail, identity, attempts, logged } = await start({
    mail: { refuse: (to) => (to.startsWith('gone') ? 550 : undefined) },
  });
  await register('gone@example.org');
  await waitFor(() => logged('the server knows no such mailbox').length === 1);
  await waitFor(async () => (await attempts()).length === 0, { describe: 'that nothing waits any more' });
  expect(mail.messages).toEqual([]);
  expect(identity.world.logLines.join('')).not.toContain('gone@example.org');
});

test('an address that the server refuses for now is tried again', async () => {
  let refusals = 2;
  const { register, mail } = await start({ mail: { refuse: () => (refusals-- > 0 ? 451 : undefined) } });
  await register('greylisted@example.org');
  await mail.waitFor('greylisted@example.org');
});

test('mail that could not be sent while it was of use is given up', async () => {
  const { register, mail, identity, stores, attempts } = await start();
  await mail.close();
  await register('hopeless@example.org');
  await identity.db.query('UPDATE mail_job SET give_up_at = now(), next_at = now()');
  expect(await stores.queue.claim(1)).toEqual([]);
  expect(await stores.queue.giveUp()).toBe(1);
  expect(await attempts()).toEqual([]);
});

test('by STARTTLS and a log-in where the server has them, and never to a server whose certificate is nobody known', async () => {
  const { cert, key } = await makeCertificate();
  const secured = { cert, key, user: 'starling', password: 'p@ss/word' };
  const server = await startMailServer({ secured });
  onTestFinished(() => server.close());
  const url = new URL(server.url);
  url.username = secured.user;
  url.password = encodeURIComponent(secured.password);
  const { register, logged, attempts, identity } = await start({
    config: { mail: { urlFile: writeSecretFile(url.href), from: 'no-reply@example.org' } },
  });
  await register('safe@example.org');
  await waitFor(() => logged('a mail could not be sent; it is tried again').length > 0);
  expect(await attempts()).toHaveLength(1);
  expect(server.messages).toEqual([]);

  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  onTestFinished(() => setDefaultCACertificates(before));
  const mail = await server.waitFor('safe@example.org');
  expect(mail).toMatchObject({ secure: true, user: 'starling' });
  const log = identity.world.logLines.join('');
  for (const secret of ['p@ss', 'p%40ss', 'safe@example.org']) expect(log).not.toContain(secret);
});

test('to another machine nothing is sent without TLS', async () => {
  const server = await startMailServer();
  onTestFinished(() => server.close());
  // The same server, by an address that does not say that it is this machine.
  const { register, logged } = await start({
    config: { mail: { urlFile: writeSecretFile(server.url.replace('127.0.0.1', '0.0.0.0')), from: 'no-reply@example.org' } },
  });
  await register('safe@example.org');
  await waitFor(() => logged('a mail could not be sent; it is tried again').length > 0);
  expect(logged('a mail could not be sent; it is tried again')[0]).toContain('ETLS');
  expect(server.messages).toEqual([]);
});

test('mail without the address of the page is refused at the start', async () => {
  const { identity } = await start();
  const { publicUrl, ...config } = identity.config;
  expect(publicUrl).toBeDefined();
  expect(() => createRegistering({ ...identity.world.platform('identity'), config, parts: identity.parts })).toThrow(
    'mail needs publicUrl',
  );
});

async function makeCertificate(): Promise<{ cert: string; key: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-mail-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=mail', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', key, '-out', cert],
    ...subject,
  ]);
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
}
