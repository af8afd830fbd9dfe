import { expect, test } from 'vitest';
import { type Administered, findObjection } from './administration.ts';

const account = (id: string, role: Administered['role'], disabled = false): Administered => ({ id, role, disabled });
const owner = account('owner', 'owner');
const admin = account('admin', 'admin');
const member = account('member', 'member');

test('owners and admins change members; nobody else changes anybody', () => {
  for (const actor of [owner, admin]) {
    expect(findObjection(actor, member, { disabled: true }, 1)).toBeUndefined();
    expect(findObjection(actor, account('x', 'member', true), { disabled: false }, 1)).toBeUndefined();
    expect(findObjection(actor, member, { role: 'admin' }, 1)).toBeUndefined();
  }
  for (const actor of [member, account('guest', 'guest'), account('bot', 'bot'), account('was', 'owner', true)])
    expect(findObjection(actor, account('x', 'member'), { disabled: true }, 1)).toBe('Only owners and admins change accounts.');
});

test('only owners make, change and disable owners', () => {
  const second = account('second', 'owner');
  expect(findObjection(owner, second, { role: 'member' }, 1)).toBeUndefined();
  expect(findObjection(owner, second, { disabled: true }, 1)).toBeUndefined();
  expect(findObjection(owner, member, { role: 'owner' }, 0)).toBeUndefined();
  expect(findObjection(admin, owner, { role: 'owner' }, 1)).toBe('Only an owner changes an owner.');
  expect(findObjection(admin, owner, { disabled: false }, 1)).toBe('Only an owner changes an owner.');
  expect(findObjection(admin, member, { role: 'owner' }, 1)).toBe('Only an owner makes an owner.');
});

test('the last owner who is not disabled stays', () => {
  expect(findObjection(owner, owner, { role: 'admin' }, 0)).toBe('The last owner stays.');
  expect(findObjection(owner, owner, { role: 'admin' }, 1)).toBeUndefined();
  expect(findObjection(owner, owner, { role: 'owner' }, 0)).toBeUndefined();
  expect(findObjection(owner, account('gone', 'owner', true), { role: 'member' }, 0)).toBeUndefined();
});

test('nobody disables themselves, and bots stay bots', () => {
  expect(findObjection(owner, owner, { disabled: true }, 5)).toBe('Nobody disables their own account.');
  expect(findObjection(admin, admin, { disabled: true }, 5)).toBe('Nobody disables their own account.');
  expect(findObjection(owner, account('bot', 'bot'), { role: 'member' }, 1)).toBe('A bot stays a bot, and a person a person.');
  expect(findObjection(owner, member, { role: 'bot' }, 1)).toBe('A bot stays a bot, and a person a person.');
  expect(findObjection(owner, account('bot', 'bot'), { disabled: true }, 1)).toBeUndefined();
});
