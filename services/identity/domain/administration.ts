import { hasRight, type SystemRole } from '@starling/contracts/permissions';

/** An account as it is now, in the transaction of the change. */
export interface Administered {
  id: string;
  role: SystemRole;
  disabled: boolean;
}

export type AccountChange = { disabled: boolean } | { role: SystemRole };

/**
 * Why somebody may not make this change to an account, in a sentence; undefined when they may. There is always an owner
 * who is not disabled; owners are made and changed by owners only; nobody disables themselves; a bot stays one.
 *
 * @param otherOwners how many owners there are who are not disabled, beside the target.
 */
export function findObjection(actor: Administered, target: Administered, change: AccountChange, otherOwners: number): string | undefined {
  if (actor.disabled || !hasRight(actor.role, 'accounts.administer')) return 'Only owners and admins change accounts.';
  if (actor.role !== 'owner' && target.role === 'owner') return 'Only an owner changes an owner.';
  if ('disabled' in change) {
    if (change.disabled && actor.id === target.id) return 'Nobody disables their own account.';
    return change.disabled && isLastOwner(target, otherOwners) ? 'The last owner stays.' : undefined;
  }
  if (actor.role !== 'owner' && change.role === 'owner') return 'Only an owner makes an owner.';
  if ((target.role === 'bot') !== (change.role === 'bot')) return 'A bot stays a bot, and a person a person.';
  return change.role !== 'owner' && isLastOwner(target, otherOwners) ? 'The last owner stays.' : undefined;
}

function isLastOwner(target: Administered, otherOwners: number): boolean {
  return target.role === 'owner' && !target.disabled && otherOwners === 0;
}
