import { ApiError } from '@starling/client';
import type { CodeReply, EntryReply, SecondFactorReply } from '@starling/contracts/http';
import type { Arrival } from './arrival.ts';

/** A word above a page: of what went wrong, or of what is done. */
export type EntryNotice = string | { done: string };

/** Which of the pages before the log-in is shown. */
export type EntryStep =
  | { at: 'log-in'; notice?: EntryNotice }
  | { at: 'sign-up'; notice?: EntryNotice }
  | { at: 'code'; sent: CodeReply }
  | { at: 'forgot' }
  | { at: 'second-factor'; wanted: SecondFactorReply }
  | { at: 'reset'; token: string }
  | { at: 'link' };

export const STEP_TITLES: Record<EntryStep['at'], string> = {
  'log-in': 'Log in',
  'sign-up': 'Create your account',
  code: 'Confirm your email',
  forgot: 'Forgot your password?',
  'second-factor': 'One more step',
  reset: 'Set a new password',
  link: 'Connect your account',
};

/** Where who comes by a link from outside begins. */
export function firstStep(arrival: Arrival | null): EntryStep {
  switch (arrival?.page) {
    case 'reset':
      if (arrival.token !== null) return { at: 'reset', token: arrival.token };
      return { at: 'log-in', notice: 'The link is not whole. Open it again from the mail, or ask for a new one.' };
    case 'invite':
      if (arrival.token !== null) return { at: 'sign-up' };
      return { at: 'log-in', notice: 'The invite link is not whole. Open it again from where you got it.' };
    case 'second-factor':
      return arrival.wanted === null ? { at: 'log-in', notice: 'Log in again.' } : { at: 'second-factor', wanted: arrival.wanted };
    case 'link':
      return { at: 'link' };
    case 'sign-on-refused':
      return { at: 'log-in', notice: 'The sign-on was not accepted. Try again, or log in another way.' };
    default:
      return { at: 'log-in' };
  }
}

/** What is to be said to who has no account; undefined when they can make one. */
export function explainClosed(registration: EntryReply['registration'], invite: string | undefined): string | undefined {
  if (registration === 'closed') return 'Nobody can register here at present.';
  if (registration === 'invite' && invite === undefined) return 'To register here, you need an invite link.';
  return undefined;
}

/** Who has sent an invite is not told that one is needed. Throws always. */
export function explainVoidInvite(error: unknown, invite: string | undefined): never {
  if (invite !== undefined && error instanceof ApiError && error.code === 'invite-required')
    throw new Error('This invite is used up, expired, revoked, or for another email address: ask for another.', { cause: error });
  throw error;
}
