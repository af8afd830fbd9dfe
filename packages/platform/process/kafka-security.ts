import { ConfigError, readConfiguredFile } from '../config/index.ts';
import type { KafkaLogOptions } from '../log/kafka/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { openAuthority } from '../tls/index.ts';

/** What the configuration says of the way to the brokers, beside their addresses. */
export interface KafkaSecurity {
  /** File with the PEM of the authority of the brokers' certificates; absent: no TLS. */
  tlsAuthority?: string | undefined;
  user?: string | undefined;
  passwordFile?: string | undefined;
}

/**
 * Reads the files that it names; the authority's again whenever it changes, for the connections from then on.
 *
 * @param names what the three are called where the operator wrote them.
 * @throws ConfigError
 */
export async function openKafkaSecurity(
  { tlsAuthority, user, passwordFile }: KafkaSecurity,
  names: Record<keyof KafkaSecurity, string>,
  options: { pollMs?: number | undefined; logger: Logger },
): Promise<{ connection: Pick<KafkaLogOptions, 'tls' | 'sasl'>; close(): void }> {
  if ((user === undefined) !== (passwordFile === undefined))
    throw new ConfigError(`${names.user} and ${names.passwordFile} belong together: give both, or neither`);
  const password = passwordFile && (await readConfiguredFile(names.passwordFile, passwordFile));
  const authority = tlsAuthority === undefined ? undefined : await openAuthority(names.tlsAuthority, { ...options, file: tlsAuthority });
  return {
    connection: {
      ...(authority && { tls: { ca: authority.current } }),
      ...(user !== undefined && password !== undefined && { sasl: { mechanism: 'scram-sha-512', username: user, password } }),
    },
    close: () => authority?.close(),
  };
}
