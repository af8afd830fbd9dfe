import type { SystemRole } from '@starling/contracts/permissions';
import type pg from 'pg';
import type { IdentityConfig } from '../config.ts';
import { decideAdmission } from '../domain/admission.ts';
import type { Invites } from '../store/invites.ts';
import type { Registrations } from '../store/registrations.ts';
import { refuse } from './refuse.ts';

/** Somebody else made the first account of all meanwhile: what this one becomes is to be decided again. */
export class FirstAccountTaken extends Error {
  override name = 'FirstAccountTaken';
}

/** Somebody who would have an account. `email` is in lower case. */
export interface Newcomer {
  email: string;
  /** What an invite was given as: the secret of a link, or the id in it; absent: there is none. */
  invite?: { token: string } | { id: string } | undefined;
  byCode: boolean;
  /** The person sits at the machine that the server runs on. */
  local: boolean;
}

/**
 * Whether somebody may have an account, and what they become. Throws refuse('registration-closed' | 'invite-required' |
 * 'sign-on-refused').
 * `before` belongs into the transaction that makes the account: it uses the invite up, and throws
 * refuse('invite-required') or {@link FirstAccountTaken} when it is too late.
 */
export type Admit = (newcomer: Newcomer) => Promise<{
  role: SystemRole;
  /** Of the invite that came along. */
  inviteId: string | undefined;
  before(tx: pg.PoolClient): Promise<void>;
}>;

export function createAdmit(options: {
  config: Pick<IdentityConfig, 'registration' | 'ownerEmail' | 'firstLocalOwner'>;
  invites: Pick<Invites, 'readToken' | 'find' | 'use'>;
  registrations: Pick<Registrations, 'isFirst' | 'isFirstWithin'>;
}): Admit {
  const { config, invites, registrations } = options;

  return async ({ email, invite, byCode, local }) => {
    const inviteId = invite && ('id' in invite ? invite.id : invites.readToken(invite.token));
    const found = inviteId === undefined ? undefined : await invites.find(inviteId);
    const firstLocal = config.firstLocalOwner && local && (await registrations.isFirst());
    const decided = decideAdmission(config, { email, byCode, firstLocal, invite: found ?? (invite ? 'void' : 'none') });
    if ('refused' in decided) throw refuse(decided.refused, decided.detail === undefined ? {} : { detail: decided.detail });
    const { role, usesInvite } = decided;
    return {
      role,
      inviteId,
      async before(tx) {
        if (role === 'owner' && firstLocal && !(await registrations.isFirstWithin(tx))) throw new FirstAccountTaken();
        if (usesInvite && inviteId !== undefined) await invites.use(tx, inviteId);
      },
    };
  };
}
