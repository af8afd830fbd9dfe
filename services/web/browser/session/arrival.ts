import type { SecondFactorReply } from '@starling/contracts/http';

/** What a link from outside leads to; null in place of a secret that is not there or not whole. */
export type Arrival =
  | { page: 'reset' | 'invite'; token: string | null }
  | { page: 'second-factor'; wanted: SecondFactorReply | null }
  | { page: 'link' }
  | { page: 'sign-on-refused' };

interface Address {
  pathname: string;
  search: string;
  /** With its `#`. */
  hash: string;
}

const SECRET = /^[\w.~-]{1,512}$/;
const METHODS = ['totp', 'recovery-code', 'passkey'] as const;

/** Secrets are in the fragment, which goes to no server. */
export function readArrival({ pathname, search, hash }: Address): Arrival | null {
  const fragment = hash.replace(/^#/, '');
  switch (pathname) {
    case '/reset':
      return { page: 'reset', token: readSecret(fragment) };
    case '/invite':
      return { page: 'invite', token: readSecret(fragment) };
    case '/second-factor':
      return { page: 'second-factor', wanted: readWanted(new URLSearchParams(fragment)) };
    case '/link':
      return { page: 'link' };
    case '/':
      return new URLSearchParams(search).get('sign-on') === 'refused' ? { page: 'sign-on-refused' } : null;
    default:
      return null;
  }
}

/** Reads where the page was opened, and takes what was read out of the address bar and the history. */
export function takeArrival(): Arrival | null {
  const arrival = readArrival(location);
  if (arrival !== null) history.replaceState(null, '', location.pathname);
  return arrival;
}

function readSecret(text: string): string | null {
  return SECRET.test(text) ? text : null;
}

function readWanted(fragment: URLSearchParams): SecondFactorReply | null {
  const challenge = readSecret(fragment.get('challenge') ?? '');
  const named = (fragment.get('methods') ?? '').split(',');
  const methods = METHODS.filter((method) => named.includes(method));
  const expiresAt = Number(fragment.get('expiresAt'));
  return challenge !== null && methods.length > 0 ? { challenge, methods, expiresAt } : null;
}
