import { certificateFault } from '../../tls/index.ts';

/** The brokers cannot be used as configured. The message is one sentence for the operator. */
export class LogConnectionError extends Error {
  override readonly name = 'LogConnectionError';
  /** They do not answer, which may pass by itself; otherwise they refuse, or are refused. */
  readonly unreachable: boolean;

  constructor(message: string, { cause, unreachable }: { cause: unknown; unreachable: boolean }) {
    super(message, { cause });
    this.unreachable = unreachable;
  }
}

/** The topics are not those of the epoch. */
export class LogTopicsError extends Error {
  override readonly name: string = 'LogTopicsError';
}

/** Topics of an epoch that was in use are gone, and their records with them. */
export class LogLostError extends LogTopicsError {
  override readonly name = 'LogLostError';
}

/** Says what is wrong with a connection, where, and what to look at. */
export function explainConnectFailure(
  error: unknown,
  { brokers, tls, sasl }: { brokers: string[]; tls?: unknown; sasl?: { username: string } },
): LogConnectionError {
  const where = `the Kafka brokers ${brokers.join(', ')}`;
  const chain = causes(error);
  const code = chain.map((cause) => cause.code).find((value) => typeof value === 'string');
  const refuse = (text: string) => new LogConnectionError(`${where} ${text}`, { cause: error, unreachable: false });
  switch (certificateFault(code)) {
    case 'untrusted':
      return refuse('show a certificate that the configured authority did not issue: check the CA certificate');
    case 'wrong-name':
      return refuse('show a certificate that is not for this host name: check the broker addresses');
    case 'expired':
      return refuse('show a certificate that has expired: renew it');
  }
  if (chain.some((cause) => cause.name === 'KafkaJSSASLAuthenticationError'))
    return refuse(`refused user ${sasl?.username ?? '(none)'}: check user name and password`);
  const detail = code || chain.at(-1)?.message || 'no answer';
  const hint = tls ? 'that they run and speak TLS on this port' : 'that they run and speak plain text on this port';
  return new LogConnectionError(`${where} cannot be reached (${detail}): check addresses and network, and ${hint}`, {
    cause: error,
    unreachable: true,
  });
}

/** An error and what caused it, innermost last. */
export function causes(error: unknown): (Error & { code?: unknown; type?: unknown })[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && !chain.includes(at); at = at.cause) chain.push(at);
  return chain;
}
