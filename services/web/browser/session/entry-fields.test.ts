import { expect, it } from 'vitest';
import { findWrongFields } from './entry-fields.ts';

const good = { name: 'Ann', email: 'ann@example.org', password: 'ten signs!' };

it('finds all that is wrong at once, in the order of the form', () => {
  expect(findWrongFields(good)).toEqual([]);
  expect(findWrongFields({ name: ' ', email: 'ann', password: 'nine sign' })).toEqual(['name', 'email', 'password']);
  expect(findWrongFields({ ...good, name: 'x'.repeat(81) })).toEqual(['name']);
  expect(findWrongFields({ ...good, password: 'x'.repeat(129) })).toEqual(['password']);
});

it('asks of the present password nothing but that there is something to try', () => {
  expect(findWrongFields({ current: 'x' })).toEqual([]);
  expect(findWrongFields({ email: '', current: '' })).toEqual(['email', 'current']);
  expect(findWrongFields({ current: 'same as ever', password: 'short' })).toEqual(['password']);
});
