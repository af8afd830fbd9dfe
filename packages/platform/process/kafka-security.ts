import { ConfigError, readConfiguredFile } from '../config/index.ts';
import type { KafkaLogOptions } from '../log/kafka/index.ts';
import { readAuthority } from '../tls/index.ts';

/** What the configuration says of the way to the brokers, beside their addresses. */
export interface KafkaSecurity {
  /** File with the PEM of the authority of the brokers' certificates; absent: no TLS. */
  tlsAuthority?: string | undefined;
  user?: string | undefined;
  passwordFile?: string | undefined;
}

/**
 * Reads the files that it names.
 *
 * @param names what the three are called where the operator wrote them.
 * @throws ConfigError
 */
export async function readKafkaSecurity(
  { tlsAuthority, user, passwordFile }: KafkaSecurity,
  names: Record<keyof KafkaSecurity, string>,
): Promise<Pick<KafkaLogOptions, 'tls' | 'sasl'>> {
  if ((user === undefined) !== (passwordFile === undefined))
    throw new ConfigError(`${names.user} and ${names.passwordFile} belong together: give both, or neither`);
  return {
    ...(tlsAuthority === undefined ? {} : { tls: { ca: await readAuthority(names.tlsAuthority, tlsAuthority) } }),
    ...(user === undefined || passwordFile === undefined
      ? {}
      : {
          sasl: { mechanism: 'scram-sha-512', username: user, password: await readConfiguredFile(names.passwordFile, passwordFile) },
        }),
  };
}
