import { ConfigError } from '@starling/platform/config';
import { createTransport } from 'nodemailer';
import type { Letter } from './texts.ts';

const TIMEOUTS = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 10_000, dnsTimeout: 5_000 };
/** A whole sending; less than the lease of its job. */
const SEND_WITHIN_MS = 20_000;
/** RFC 6409 §3.1 and RFC 8314 §3.3. */
const PORTS = { 'smtp:': 587, 'smtps:': 465 };

/** A letter on its way. `id` is the job's: sent twice, it is recognised as the same mail. */
export interface Outgoing {
  id: string;
  to: string;
  letter: Letter;
}

/** Hands a mail over. `refused`: there is no such mailbox, says the server for good. Throws an error when it may succeed later. */
export type Send = (mail: Outgoing, signal: AbortSignal) => Promise<'sent' | 'refused'>;

interface SmtpFailure extends Error {
  code?: string;
  command?: string;
  responseCode?: number;
}

/**
 * Sends by SMTP: smtps:// is TLS from the start, smtp:// begins with STARTTLS, without which neither password nor code
 * is sent, unless the server is on this machine. The certificate must be for the host, from an authority that Node trusts.
 * Throws a ConfigError for a URL that is none.
 */
export function createSmtp(options: { url: string; from: string }): Send {
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if ((url?.protocol !== 'smtp:' && url?.protocol !== 'smtps:') || url.hostname === '')
    throw new ConfigError('mail: the URL of the server is not of the form smtp://user:password@host:587 or smtps://user:password@host');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const transport = createTransport({
    host,
    port: url.port === '' ? PORTS[url.protocol] : Number(url.port),
    secure: url.protocol === 'smtps:',
    requireTLS: !isLoopback(host),
    ...(url.username === '' ? {} : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    ...TIMEOUTS,
    tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = options.from.split('@').at(-1)?.replace(/>.*$/, '') ?? host;

  return async ({ id, to, letter: { subject, text, html } }, signal) => {
    try {
      await transport.sendMail({
        from: options.from,
        to: { name: '', address: to },
        subject,
        text,
        html,
        messageId: `<${id}@${domain}>`,
        // RFC 3834: nobody's holiday is to answer.
        headers: { 'auto-submitted': 'auto-generated' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_WITHIN_MS)]),
      });
      return 'sent';
    } catch (error) {
      const { code, command, responseCode = 0 } = error as SmtpFailure;
      // Any other refusal may be the fault of our settings, which somebody will mend.
      if (code === 'EENVELOPE' && command === 'RCPT TO' && responseCode >= 500) return 'refused';
      // The server's own words may name the address.
      throw new Error(`the mail server could not be used (${[code, command, responseCode || undefined].filter(Boolean).join(', ')})`);
    }
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
