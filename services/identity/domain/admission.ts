import type { SystemRole } from '@starling/contracts/permissions';
import type { ProblemName } from '@starling/contracts/problems';

/** Somebody who would have an account. */
export interface Newcomer {
  /** In lower case. */
  email: string;
  /** The person will have read a code that went to the email. A provider's word for it makes nobody owner. */
  byCode: boolean;
  /** Nobody has an account yet, and the person sits at the machine itself. */
  firstLocal: boolean;
  /** What became of the invite that came along. */
  invite: 'none' | 'void' | { email: string | undefined; role: 'member' | 'guest' };
}

export interface AdmissionRules {
  registration: 'open' | 'invite' | 'closed';
  ownerEmail?: string;
  firstLocalOwner: boolean;
}

/** `detail`: a sentence for the person. */
type Admission = { role: SystemRole; usesInvite: boolean } | { refused: ProblemName; detail?: string };

/** Whether somebody may have an account, and what they become. */
export function decideAdmission(rules: AdmissionRules, newcomer: Newcomer): Admission {
  const { email, invite } = newcomer;
  if (email === rules.ownerEmail?.toLowerCase()) {
    if (newcomer.byCode) return { role: 'owner', usesInvite: false };
    // As a member it would stand in the way of the owner's account.
    return { refused: 'sign-on-refused', detail: 'Register with this email address first: it is that of the owner of the installation.' };
  }
  if (rules.firstLocalOwner && newcomer.firstLocal) return { role: 'owner', usesInvite: false };
  if (rules.registration === 'closed') return { refused: 'registration-closed' };
  if (invite === 'void') return { refused: 'invite-required' };
  if (invite === 'none') return rules.registration === 'open' ? { role: 'member', usesInvite: false } : { refused: 'invite-required' };
  return invite.email === undefined || invite.email === email ? { role: invite.role, usesInvite: true } : { refused: 'invite-required' };
}
