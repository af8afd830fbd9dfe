import { expect, it } from 'vitest';
import { findWrongFields } from './entry-fields.ts';

const good = { name: 'Ann', email: 'ann@example.org', password: 'ten signs!' };

it('finds all that is wrong at once, in the order of the form', () => {
  expect(findWrongFields('sign-up', good)).toEqual([]);
  expect(findWrongFields('sign-up', { name: ' ', email: 'ann', password: 'nine sign' })).toEqual(['name', 'email', 'password']);
  expect(findWrongFields('sign-up', { ...good, name: 'x'.repeat(81) })).toEqual(['name']);
  expect(findWrongFields('sign-up', { ...good, password: 'x'.repeat(129) })).toEqual(['password']);
});

it('asks for nothing but something to try at a log-in', () => {
  expect(findWrongFields('log-in', { ...good, name: '', password: 'x' })).toEqual([]);
  expect(findWrongFields('log-in', { name: '', email: '', password: '' })).toEqual(['email', 'password']);
});
