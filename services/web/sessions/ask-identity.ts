import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { PROBLEMS, type ProblemName } from '@starling/contracts/problems';
import {
  AccountsService,
  AdministrationService,
  PasskeysService,
  SecondFactorService,
  SessionsService,
  SignOnService,
} from '@starling/contracts/rpc';
import { ProblemError } from '@starling/platform/http';
import { isUnavailable, onBehalfOf } from '@starling/platform/rpc';
import type { UserIdentity } from '@starling/platform/tokens';
import { keysDiffer } from './keys-differ.ts';

/** What web asks of identity. */
export interface IdentityClients {
  accounts: Client<typeof AccountsService>;
  sessions: Client<typeof SessionsService>;
  secondFactor: Client<typeof SecondFactorService>;
  passkeys: Client<typeof PasskeysService>;
  signOn: Client<typeof SignOnService>;
  administration: Client<typeof AdministrationService>;
}

export function createIdentityClients(transport: Transport): IdentityClients {
  return {
    accounts: createClient(AccountsService, transport),
    sessions: createClient(SessionsService, transport),
    secondFactor: createClient(SecondFactorService, transport),
    passkeys: createClient(PasskeysService, transport),
    signOn: createClient(SignOnService, transport),
    administration: createClient(AdministrationService, transport),
  };
}

/** Makes a call to identity. What it refuses becomes the problem that it names; that it cannot be asked, `unavailable`. */
export async function askIdentity<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const problem = problemIn(error);
    if (problem) throw problem;
    if (isUnavailable(error)) throw new ProblemError('unavailable');
    // Web's own tokens are good, unless keys were replaced.
    if (error.code === Code.Unauthenticated) throw keysDiffer();
    throw error;
  }
}

/**
 * Makes a call to identity on behalf of a user; a token that identity takes no more, since it knows first which session
 * has ended, is `unauthenticated`.
 */
export function askIdentityFor<T>(user: UserIdentity, call: (options: ReturnType<typeof onBehalfOf>) => Promise<T>): Promise<T> {
  return askIdentity(async () => {
    try {
      return await call(onBehalfOf(user));
    } catch (error) {
      const refused = error instanceof ConnectError && error.code === Code.Unauthenticated && !problemIn(error);
      throw refused ? new ProblemError('unauthenticated') : error;
    }
  });
}

function problemIn({ metadata }: ConnectError): ProblemError | undefined {
  const name = metadata.get('starling-problem') ?? '';
  if (!Object.hasOwn(PROBLEMS, name)) return undefined;
  const [detail, retryAfter] = [metadata.get('starling-detail'), metadata.get('retry-after')];
  return new ProblemError(name as ProblemName, {
    ...(detail === null ? {} : { detail }),
    ...(retryAfter === null ? {} : { retryAfter: Number(retryAfter) }),
  });
}
