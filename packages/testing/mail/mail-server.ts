import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerError, type SMTPServerOptions } from 'smtp-server';
import { waitFor } from '../wait-for/index.ts';

/** A mail as it arrived. */
export interface ReceivedMail {
  /** Of the envelope. */
  to: string;
  from: string;
  subject: string;
  text: string;
  html: string;
  /** By name in lower case. */
  headers: Map<string, string>;
  messageId: string;
  /** It came by TLS. */
  secure: boolean;
  /** The user that the client logged in as. */
  user: string | undefined;
}

export interface MailServerOptions {
  /** A free one unless given. */
  port?: number;
  /** Answers to RCPT TO: the reply code with which an address is refused, or undefined. */
  refuse?(to: string): number | undefined;
  /** Waits so long (ms) before it answers that it has a message. */
  slowness?: number;
  /** Offers STARTTLS with this certificate for the host, as PEM, and demands the log-in over it. */
  secured?: { cert: string; key: string; user: string; password: string };
}

export interface MailServer {
  /** smtp://127.0.0.1:port */
  url: string;
  port: number;
  /** In the order of their arrival. */
  messages: readonly ReceivedMail[];
  /** The first mail to an address, the predicate permitting; waits for it up to 10 s. */
  waitFor(to: string, predicate?: (mail: ReceivedMail) => boolean): Promise<ReceivedMail>;
  /** Ends connections at once. Calling it again does nothing. */
  close(): Promise<void>;
}

/** A real SMTP server on this machine that keeps what it is sent. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const { port: wished = 0, slowness = 0, secured, refuse } = options;
  const messages: ReceivedMail[] = [];
  const server = new SMTPServer({
    ...security(secured),
    disableReverseLookup: true,
    // 0 would be its default of 30 s.
    closeTimeout: 1,
    onRcptTo({ address }, _session, done) {
      const responseCode = refuse?.(address);
      done(responseCode === undefined ? null : refusal(`no mailbox for ${address}`, responseCode));
    },
    onData(stream, { envelope, secure, user }, done) {
      simpleParser(stream)
        .then(async ({ subject = '', text = '', html, messageId = '', headerLines }) => {
          await delay(slowness);
          const headers = new Map(headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1).trim()]));
          const from = envelope.mailFrom ? envelope.mailFrom.address : '';
          for (const { address: to } of envelope.rcptTo)
            messages.push({ to, from, subject, text, html: html || '', headers, messageId, secure, user });
          done();
        })
        .catch((error: Error) => done(error));
    },
  });
  // What breaks a connection is the client's business.
  server.on('error', () => {});
  server.listen(wished, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  let closing: Promise<void> | undefined;

  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    messages,
    waitFor: (to, predicate = () => true) =>
      waitFor(() => messages.find((mail) => mail.to === to && predicate(mail)), { describe: `a mail to ${to}` }),
    close() {
      closing ??= new Promise((resolve) => server.close(() => resolve()));
      return closing;
    },
  };
}

function security(secured: MailServerOptions['secured']): SMTPServerOptions {
  if (!secured) return { disabledCommands: ['STARTTLS', 'AUTH'], authOptional: true };
  return {
    cert: secured.cert,
    key: secured.key,
    onAuth({ username, password }, _session, done) {
      if (username === secured.user && password === secured.password) done(null, { user: username });
      else done(refusal('user or password is wrong', 535));
    },
  };
}

function refusal(message: string, responseCode: number): SMTPServerError {
  return Object.assign(new Error(message), { responseCode });
}
