import { expect, test } from 'vitest';
import { type AdmissionRules, decideAdmission, type Newcomer } from './admission.ts';

const somebody: Newcomer = { email: 'ada@example.org', byCode: true, firstLocal: false, invite: 'none' };
const member = { email: undefined, role: 'member' } as const;

function decide(rules: Partial<AdmissionRules>, newcomer: Partial<Newcomer> = {}) {
  const decided = decideAdmission({ registration: 'invite', firstLocalOwner: false, ...rules }, { ...somebody, ...newcomer });
  return 'refused' in decided ? decided.refused : `${decided.role}${decided.usesInvite ? ' by invite' : ''}`;
}

test('open, by invite, closed', () => {
  expect(decide({ registration: 'open' })).toBe('member');
  expect(decide({ registration: 'invite' })).toBe('invite-required');
  expect(decide({ registration: 'closed' })).toBe('registration-closed');
  expect(decide({ registration: 'invite' }, { invite: member })).toBe('member by invite');
  expect(decide({ registration: 'open' }, { invite: { email: undefined, role: 'guest' } })).toBe('guest by invite');
  expect(decide({ registration: 'closed' }, { invite: member })).toBe('registration-closed');
});

test('an invite that is not valid, or is for another address, lets nobody in', () => {
  for (const registration of ['open', 'invite'] as const) {
    expect(decide({ registration }, { invite: 'void' })).toBe('invite-required');
    expect(decide({ registration }, { invite: { email: 'bob@example.org', role: 'member' } })).toBe('invite-required');
    expect(decide({ registration }, { invite: { email: 'ada@example.org', role: 'member' } })).toBe('member by invite');
  }
});

test("the owner's address always registers, and makes an owner of who proves it by a code only", () => {
  for (const registration of ['open', 'invite', 'closed'] as const) {
    expect(decide({ registration, ownerEmail: 'Ada@Example.org' })).toBe('owner');
    expect(decide({ registration, ownerEmail: 'ada@example.org' }, { byCode: false })).toBe('sign-on-refused');
  }
  expect(decide({ registration: 'open', ownerEmail: 'bob@example.org' })).toBe('member');
});

test('the first account of all makes an owner at the machine itself, where that is configured', () => {
  expect(decide({ registration: 'closed', firstLocalOwner: true }, { firstLocal: true })).toBe('owner');
  expect(decide({ registration: 'open', firstLocalOwner: true })).toBe('member');
  expect(decide({ registration: 'open', firstLocalOwner: false }, { firstLocal: true })).toBe('member');
});
