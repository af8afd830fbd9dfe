import type { TlsOptions } from 'node:tls';
import { ConfigError, followFiles } from '../config/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type CertificateSet, readCertificateSet } from './certificate-set.ts';

/** A handshake that takes longer is given up, ms. */
const HANDSHAKE_MS = 10_000;
/** Whoever is refused may try without end: the same reason is told no more often than this, ms. */
const TELL_EVERY_MS = 60_000;

/** A server whose new connections are to use what is current. */
interface SecureServer {
  setSecureContext(options: CertificateSet & { minVersion: 'TLSv1.3' }): void;
  on(event: 'close', listener: () => void): unknown;
  on(event: 'tlsClientError', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** One process's certificate and the authorities that it believes, always the current ones of its files. */
export interface Certificates {
  /** For a server that takes nobody without a certificate of the authorities; to be given to `follow` as well. */
  serverOptions(): TlsOptions;
  /** New connections of the server use what is current; those that it has go on. */
  follow(server: SecureServer): void;
  /** For one new connection to a server: what is shown and believed now. The server's name is for its caller to check. */
  current(): Readonly<CertificateSet>;
  /** Looks at the files now. */
  look(): Promise<void>;
  close(): void;
}

/**
 * Holds what three files say and follows them. A set that cannot be used is logged and refused as a whole, and the one
 * from before stays, so that a connection never fails for files that are just being replaced.
 *
 * TLS 1.3 alone, since both sides are ours. A session cannot be resumed after a change: a new secret of tickets comes
 * with each set, so that nobody gets in by a certificate of an authority that is not believed any more.
 *
 * @param options.authorities, certificate, key files; see {@link CertificateSet}.
 * @throws ConfigError for files that cannot be read or used at the start.
 */
export async function openCertificates(options: {
  authorities: string;
  certificate: string;
  key: string;
  pollMs?: number | undefined;
  logger: Logger;
}): Promise<Certificates> {
  const { logger, pollMs } = options;
  const files = [options.authorities, options.certificate, options.key];
  const servers = new Set<SecureServer>();
  const minVersion = 'TLSv1.3';
  let set: CertificateSet | undefined;
  const current = (): CertificateSet => {
    if (!set) throw new Error('there are no certificates yet');
    return set;
  };
  const told = { reason: '', at: 0 };
  function tellRefusal(reason: string): void {
    if (reason === told.reason && Date.now() - told.at < TELL_EVERY_MS) return;
    Object.assign(told, { reason, at: Date.now() });
    logger.warn({ reason }, 'a connection was refused, as its certificate was not shown or not taken');
  }
  const complaint = 'certificates that have changed cannot be used; those from before stay';
  const follower = await followFiles({ files, logger, pollMs, complaint }, ([ca = '', cert = '', key = '']) => {
    const read = readCertificateSet({ ca, cert, key }, Date.now());
    const first = set === undefined;
    set = read;
    for (const server of servers) server.setSecureContext({ ...read, minVersion });
    if (!first) logger.info('the certificates have changed');
  }).catch((error: Error) => {
    throw new ConfigError(`the files of tls (${files.join(', ')}) cannot be used: ${error.message}`);
  });
  return {
    serverOptions: () => ({ ...current(), minVersion, requestCert: true, rejectUnauthorized: true, handshakeTimeout: HANDSHAKE_MS }),
    follow(server) {
      servers.add(server);
      server.on('close', () => servers.delete(server));
      server.on('tlsClientError', ({ code, message }) => tellRefusal(code ?? message));
    },
    current,
    look: follower.look,
    close: follower.close,
  };
}
