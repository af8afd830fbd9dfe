import type { Headers } from './headers.ts';

/**
 * What the tokens said by whose power a record was written: the user (or `svc:` and a service), the token's issuer,
 * audience and id, and the services through which the call came. For traces alone: nothing is judged by it, and it is no
 * token.
 */
export interface Claims {
  sub: string;
  iss: string;
  aud: string;
  jti: string;
  act: string;
}

/** Far more than any claim of ours has; whoever writes to the log may put anything there. */
const CLAIM = /^[\x21-\x7e]{1,200}$/;
const NAMES = ['sub', 'iss', 'aud', 'jti', 'act'] as const;

/** The headers of a record that hold its author's claims; none when one of them could not be read back. */
export function encodeClaims({ sub, iss, aud, jti, act }: Claims): Headers {
  const headers: Headers = { sub, iss, aud, jti, act };
  return decodeClaims(headers) ? headers : {};
}

/** The claims among a record's headers; `undefined`: it has none, or not all of them, or they are not of their shape. */
export function decodeClaims(headers: Headers): Claims | undefined {
  const { sub, iss, aud, jti, act } = headers;
  return NAMES.every((name) => CLAIM.test(headers[name] ?? '')) ? ({ sub, iss, aud, jti, act } as Claims) : undefined;
}
