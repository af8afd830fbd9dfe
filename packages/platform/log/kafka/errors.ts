/** The brokers cannot be used as configured. The message is one sentence for the operator. */
export class LogConnectionError extends Error {
  override readonly name = 'LogConnectionError';
}

/** The topics are not those of the epoch. */
export class LogTopicsError extends Error {
  override readonly name = 'LogTopicsError';
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** Says what is wrong with a connection, where, and what to look at. */
export function explainConnectFailure(
  error: unknown,
  { brokers, tls, sasl }: { brokers: string[]; tls?: unknown; sasl?: { username: string } },
): LogConnectionError {
  const where = `the Kafka brokers ${brokers.join(', ')}`;
  const chain = causes(error);
  const code = chain.map((cause) => cause.code).find((value) => typeof value === 'string') ?? '';
  const say = (text: string) => new LogConnectionError(text, { cause: error });
  if (UNTRUSTED.has(code)) return say(`${where} show a certificate that the configured authority did not issue: check the CA certificate`);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return say(`${where} show a certificate that is not for this host name: check the broker addresses`);
  if (code === 'CERT_HAS_EXPIRED') return say(`${where} show a certificate that has expired: renew it`);
  if (chain.some((cause) => cause.name === 'KafkaJSSASLAuthenticationError')) {
    return say(`${where} refused user ${sasl?.username ?? '(none)'}: check user name and password`);
  }
  const detail = code || chain.at(-1)?.message || 'no answer';
  const hint = tls ? 'that they run and speak TLS on this port' : 'that they run and speak plain text on this port';
  return say(`${where} cannot be reached (${detail}): check addresses and network, and ${hint}`);
}

/** An error and what caused it, innermost last. */
export function causes(error: unknown): (Error & { code?: unknown; type?: unknown })[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && !chain.includes(at); at = at.cause) chain.push(at);
  return chain;
}
